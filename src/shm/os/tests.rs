//! What tests from outside do not come to: file systems without files that have no name.

use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
};

use super::Draft;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn drafts_with_names_are_of_one_each_and_go_when_they_are_published() {
    let folder = std::env::temp_dir().join(format!("atomos-drafts-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let folder = Folder(folder);
    let path = folder.0.join("file");
    let draft = || {
        let mut options = OpenOptions::new();
        Draft::with_name(&path, &folder.0, options.read(true).write(true)).unwrap()
    };
    let names = || {
        let entries = fs::read_dir(&folder.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let (one, other) = (draft(), draft());
    assert_eq!(names().len(), 2);
    assert!(one.publish(&path).unwrap());
    assert!(!other.publish(&path).unwrap());
    drop((one, other));
    assert_eq!(names(), ["file"]);
}
