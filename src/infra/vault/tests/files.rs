//! B7: the key file is made once, guarded, and its loss or exchange is said in words.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::base::Code;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keys/root.key")
    }

    fn source(&self) -> KeySource {
        KeySource::File { path: self.path() }
    }

    fn wrapped(&self, passphrase: &str) -> KeySource {
        KeySource::Passphrase { path: self.path(), passphrase: secret(passphrase) }
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

fn start(source: &KeySource, check: Option<&KeyCheck>) -> crate::base::Result<Started> {
    Vault::start(source, Vec::new(), check, instance(1), Redactor::new())
}

#[test]
fn the_first_start_makes_a_private_key_and_the_second_finds_it() {
    let folder = Folder::new();
    let first = start(&folder.source(), None).expect("starts");
    let check = first.new_check.expect("a check to store");
    assert_eq!((mode(&folder.path()), mode(folder.path().parent().expect("parent"))), (0o600, 0o700));
    let left: Vec<_> = std::fs::read_dir(folder.path().parent().expect("parent")).expect("lists").collect();
    assert_eq!(left.len(), 1, "no temporary file is left");

    let again = start(&folder.source(), Some(&check)).expect("starts");
    assert!(again.new_check.is_none());
    assert_eq!(again.vault.fingerprint(), first.vault.fingerprint());
    assert!(again.vault.sealed_because().is_none());
}

#[test]
fn a_crash_between_key_and_check_leads_to_the_same_key() {
    let folder = Folder::new();
    let first = start(&folder.source(), None).expect("starts");
    let second = start(&folder.source(), None).expect("starts");
    assert_eq!(first.new_check, second.new_check);
}

#[test]
fn an_existing_key_is_never_overwritten() {
    let folder = Folder::new();
    let root = Root::create(&folder.source()).expect("makes");
    assert!(Root::create(&folder.source()).is_err());
    assert_eq!(Root::open(&folder.source()).map(|it| it.fingerprint()).ok(), Some(root.fingerprint()));
}

#[test]
fn a_key_that_others_can_read_stops_the_start_with_the_command_to_run() {
    let folder = Folder::new();
    let check = start(&folder.source(), None).expect("starts").new_check;
    for exposed in [0o640, 0o604, 0o660, 0o644, 0o610, 0o602] {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(exposed)).expect("chmod");
        let error = start(&folder.source(), check.as_ref()).err().expect("refused");
        assert!(error.message().contains(&format!("chmod 600 {}", folder.path().display())), "{error}");
        assert!(start(&folder.source(), None).is_err(), "also at a first start");
    }
    for private in [0o600, 0o400] {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(private)).expect("chmod");
        assert!(start(&folder.source(), check.as_ref()).is_ok());
    }
}

#[test]
fn a_wrong_key_is_named_and_seals_the_vault() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    let check = start(&ours.source(), None).expect("starts").new_check.expect("check");
    let other = start(&theirs.source(), None).expect("starts").vault.fingerprint().expect("open");
    let started = start(&theirs.source(), Some(&check)).expect("starts sealed");
    let reason = started.vault.sealed_because().expect("sealed");
    assert!(
        reason.contains(&check.fingerprint.to_string()) && reason.contains(&other.to_string()),
        "{reason}"
    );
}

#[test]
fn a_check_of_another_instance_is_refused() {
    let root = Root::generate();
    let check = KeyCheck::new(&root, instance(1));
    assert!(check.verify(&root, instance(1)).is_ok());
    assert!(check.verify(&root, instance(2)).is_err());
}

#[test]
fn without_its_key_the_vault_is_sealed_and_makes_no_new_one() {
    let folder = Folder::new();
    let started = start(&folder.source(), None).expect("starts");
    let (vault, check) = (started.vault, started.new_check.expect("check"));
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let binding = place("credentials", "row", "value");
    let sealed = vault.seal(&ring, &binding, &secret("kept")).expect("seals");
    let kept = std::fs::read(folder.path()).expect("reads");
    std::fs::remove_file(folder.path()).expect("removes");

    let vault = start(&folder.source(), Some(&check)).expect("starts sealed").vault;
    assert!(!folder.path().exists(), "no new key in its place");
    let reason = vault.sealed_because().expect("sealed");
    assert!(reason.contains("missing"), "{reason}");
    let errors = [
        vault.seal(&ring, &binding, &secret("new")).err(),
        vault.open(&ring, &binding, &sealed).err(),
        vault.ring(org(1), &wrapped).err(),
        vault.new_ring(org(2)).err(),
        vault.rotate(org(1), &wrapped).err(),
        vault.hint(&ring, &secret("x")).err(),
    ];
    for error in errors {
        let error = error.expect("refused");
        assert!(error.is(Code::Unavailable) && error.message().contains("put it back"), "{error}");
    }

    std::fs::write(folder.path(), kept).expect("writes");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o600)).expect("chmod");
    let vault = start(&folder.source(), Some(&check)).expect("starts").vault;
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    assert_eq!(vault.open(&ring, &binding, &sealed).expect("opens").expose(), b"kept");
}

#[test]
fn a_passphrase_wraps_the_key_file() {
    let folder = Folder::new();
    let made = Root::create(&folder.wrapped("a long passphrase")).expect("makes");
    let text = std::fs::read_to_string(folder.path()).expect("reads");
    assert!(!text.contains("AGE-SECRET-KEY"), "the key is not in the file in plain text");
    let opened = Root::open(&folder.wrapped("a long passphrase")).expect("opens");
    assert_eq!(opened.fingerprint(), made.fingerprint());
    assert!(matches!(Root::open(&folder.wrapped("another")), Err(Refusal::WrongPassphrase { .. })));
    assert!(matches!(Root::open(&folder.source()), Err(Refusal::NeedsPassphrase { .. })));
}

#[test]
fn a_key_handed_in_is_read_and_never_made() {
    let folder = Folder::new();
    let handed = KeySource::HandedIn { path: folder.path() };
    assert!(start(&handed, None).is_err());
    assert!(!folder.path().exists());
    Root::create(&folder.source()).expect("makes");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o440)).expect("chmod");
    assert!(start(&handed, None).is_ok(), "the mask of an access list");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o444)).expect("chmod");
    assert!(start(&handed, None).is_err());
}

#[test]
fn damaged_key_files_are_said_to_be_damaged() {
    for content in
        [&b""[..], b"hello", b"AGE-SECRET-KEY-1QQQ", b"\xff\xfe", b"age-encryption.org/v1\n", &[b'a'; 70_000]]
    {
        let folder = Folder::new();
        Root::create(&folder.source()).expect("makes");
        std::fs::write(folder.path(), content).expect("writes");
        let refusal = Root::open(&folder.wrapped("any")).err().expect("refused");
        assert!(matches!(refusal, Refusal::Damaged { .. }), "{refusal}");
        assert!(refusal.may_run_sealed());
    }
}

#[test]
fn a_key_inside_the_data_folder_is_refused() {
    let folder = Folder::new();
    let data = folder.0.path().join("data");
    std::fs::create_dir_all(data.join("keys")).expect("folders");
    std::os::unix::fs::symlink(data.join("keys"), folder.0.path().join("link")).expect("link");
    let check = |path: PathBuf| KeySource::File { path }.apart_from(&data).is_ok();
    assert!(!check(data.join("root.key")));
    assert!(!check(data.join("keys/not/yet/root.key")));
    assert!(!check(folder.0.path().join("link/root.key")), "through a link");
    assert!(check(folder.path()));
    assert!(check(folder.0.path().join("data-keys/root.key")));
}
