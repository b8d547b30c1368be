//! Whose a file is that this program may not use, and as whom it runs.

use crate::text;
use nix::unistd::{Uid, User};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a file could not be used, with who stands in the way where that is a matter of permissions.
pub fn explained(cause: &io::Error, path: &Path) -> String {
    let is_denied = cause.kind() == io::ErrorKind::PermissionDenied;
    match is_denied.then(|| denial(path)).flatten() {
        Some(denial) => format!("{cause}: {denial}"),
        None => cause.to_string(),
    }
}

/// Who stands in the way of using a file, where it is a matter of permissions: the owner of a folder that
/// this program may not enter, of the file, or of the folder that it would be made in.
pub fn denial(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let folders: Vec<_> = path.ancestors().skip(1).collect();
    let closed = folders.iter().rev().find(|folder| !may(folder, Access::EXEC_OK));
    if let Some(folder) = closed {
        return told(folder);
    }
    match path.symlink_metadata() {
        Ok(_) if may(&path, Access::READ_OK | Access::WRITE_OK) => None,
        Ok(_) => told(&path),
        Err(_) => folders.into_iter().find(|folder| folder.exists()).and_then(unwritable),
    }
}

/// Whose the folder of a file is, where nothing can be made in it.
pub fn denial_of_folder(path: &Path) -> Option<String> {
    unwritable(&PathBuf::from(std::path::absolute(path).ok()?.parent()?))
}

fn unwritable(folder: &Path) -> Option<String> {
    (!may(folder, Access::WRITE_OK | Access::EXEC_OK)).then(|| told(folder)).flatten()
}

/// Whether the user as whom this runs may do so. What cannot be known is no denial.
fn may(path: &Path, wish: Access) -> bool {
    let refused = accessat(CWD, path, wish, AtFlags::EACCESS).err();
    refused != Some(rustix::io::Errno::ACCESS)
}

fn told(path: &Path) -> Option<String> {
    let facts = path.metadata().ok()?;
    let name = text::of_name(path);
    let (owner, user) = (user_of(Uid::from_raw(facts.uid())), user_of(Uid::effective()));
    Some(format!("`{name}` belongs to {owner}, mode {}, and this runs as {user}", mode(&facts)))
}

fn mode(facts: &Metadata) -> String {
    format!("{:04o}", facts.permissions().mode() & 0o7777)
}

/// A user's name, or the number of one without a name.
fn user_of(id: Uid) -> String {
    let user = User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("user {id}"), |user| user.name)
}
