//! Killed while it opens a file, or makes it.

use std::fs;

use super::*;

/// A folder of its own, so that what is left over can be seen.
struct Folder(TempPath);

impl Folder {
    fn new() -> Self {
        let folder = TempPath::new("killed");
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| name(entry.unwrap())).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn p1_killed_while_it_makes_a_file() {
    for (point, after) in OPENING {
        let folder = Folder::new();
        let path = folder.0.as_ref().join("atom");
        Order::new(Deed::Open, 1, &path)
            .killed_at(point)
            .start()
            .dies();
        let left = if after == New { vec!["atom"] } else { vec![] };
        assert_eq!(folder.files(), left, "{point}");
        // There is one place: if a death kept it, this would be the end.
        let atom = open(&path, 1).unwrap();
        assert_eq!(seen(&atom), (0, value(INIT, 10)), "{point}");
        atom.reset(value(PARENT, 3_000)).unwrap();
        assert_eq!(seen(&atom), (1, value(PARENT, 3_000)), "{point}");
    }
}

#[test]
fn p1_killed_while_it_joins() {
    let path = TempPath::new("killed");
    let path = path.as_ref();
    let first = open(path, 2).unwrap();
    Order::new(Deed::Open, 2, path)
        .killed_at("claimed")
        .start()
        .dies();
    let second = open(path, 2).unwrap();
    assert!(matches!(open(path, 2), Err(ShmError::ParticipantsFull)));
    second.reset(value(PARENT, 9)).unwrap();
    assert_eq!(seen(&first), (1, value(PARENT, 9)));
}
