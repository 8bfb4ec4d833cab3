//! What tests from outside do not come to: file systems without files that have no name.

use std::{fs, os::unix::fs::MetadataExt};

use super::*;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("atomos-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

#[test]
fn drafts_with_names_are_of_one_each_and_go_when_they_are_published() {
    let folder = Folder::new("drafts");
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

#[test]
fn a_draft_is_made_in_the_folder_of_its_path() {
    let beside = |path: &str| Draft::beside(Path::new(path), 0o600);
    let device = |folder: &str| fs::metadata(folder).unwrap().dev();
    // Without a folder it is the current one.
    match beside("draft") {
        Ok(draft) => assert_eq!(draft.file.metadata().unwrap().dev(), device(".")),
        // Where the sources are to stay as they are.
        Err(error) => assert_ne!(error.kind(), io::ErrorKind::NotFound),
    }
    let folder = std::env::temp_dir();
    let folder = folder.to_str().unwrap();
    let draft = beside(&format!("{folder}/draft")).unwrap();
    assert_eq!(draft.file.metadata().unwrap().dev(), device(folder));
    let nowhere = Path::new(folder).join("no such folder").join("draft");
    let kind = |error: io::Error| error.kind();
    assert_eq!(
        beside(nowhere.to_str().unwrap()).err().map(kind),
        Some(io::ErrorKind::NotFound)
    );
    // That it cannot be published there either is not that there is something.
    assert_eq!(
        draft.publish(&nowhere).map_err(kind),
        Err(io::ErrorKind::NotFound)
    );
    let mut options = OpenOptions::new();
    let named = Draft::with_name(&nowhere, nowhere.parent().unwrap(), options.write(true));
    assert_eq!(named.err().map(kind), Some(io::ErrorKind::NotFound));
}

// `/proc` has no files without a name, and takes none with one: that is the error then.
#[test]
fn where_no_file_is_without_a_name_one_is_given() {
    let is_so = |errno: Errno| is_missing(&errno.into());
    assert!([Errno::OPNOTSUPP, Errno::ISDIR, Errno::INVAL].map(is_so) == [true; 3]);
    assert!([Errno::ACCESS, Errno::NOENT, Errno::NOSPC].map(is_so) == [false; 3]);
    let error = Draft::beside(Path::new("/proc/draft"), 0o600).err();
    assert!(!is_missing(&error.expect("it cannot be made")));
}

#[test]
fn a_sleep_on_many_words_ends_at_once_if_one_has_changed() {
    let words = [3, 4].map(AtomicU32::new);
    let waits = [wait(&words[0], 3), wait(&words[1], 3)];
    let slept = sleep_for_any(&waits, Duration::from_secs(60));
    assert_eq!(can_sleep_on_many(), slept == Err(Errno::AGAIN), "{slept:?}");
}

#[test]
fn the_boot_id_is_what_the_kernel_says() {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let id = u128::from_be_bytes(boot_id().unwrap());
    assert_eq!(format!("{id:032x}"), text.trim().replace('-', ""));
}

#[test]
fn room_is_there_if_a_signal_or_the_file_system_is_in_the_way() {
    for refused in [Errno::INTR, Errno::OPNOTSUPP] {
        let folder = Folder::new("refused");
        let draft = Draft::beside(&folder.0.join("file"), 0o600).unwrap();
        reserved_or_written(&draft.file, 4096, Err(refused)).unwrap();
        assert_eq!(draft.file.metadata().unwrap().len(), 4096);
    }
}

#[test]
fn room_is_reserved_and_given_back() {
    const LEN: u64 = 1 << 20;
    let folder = Folder::new("room");
    let draft = Draft::beside(&folder.0.join("file"), 0o600).unwrap();
    let file = &draft.file;
    reserve(file, LEN).unwrap();
    let taken = || file.metadata().unwrap().blocks() * 512;
    assert_eq!(file.metadata().unwrap().len(), LEN);
    assert!(taken() >= LEN, "{}", taken());
    discard(file, 0, LEN);
    assert_eq!(file.metadata().unwrap().len(), LEN);
    let left = taken();
    // What the file system cannot do when it is asked directly is not asked for.
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let can = rustix::fs::fallocate(file, flags, 0, LEN).is_ok();
    assert!(!can || left < LEN / 2, "{left} bytes");
}
