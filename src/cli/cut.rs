//! Whether a shell has cut a URL at an `&` that was not quoted: what stands before it runs in the
//! background, and what stands behind it is another command.

use crate::location::Location;
use rustix::fs::{FileType, fstat, major, minor};
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use std::io;

/// Whether the URL ends where a shell would have cut it, and this program runs as it does then.
pub fn looks_cut(url: &Location) -> bool {
    url.may_be_cut() && in_the_background()
}

/// A shell with job control takes the terminal away from what runs in the background, and one
/// without gives it /dev/null to read.
fn in_the_background() -> bool {
    let own_group = tcgetpgrp(io::stderr()).ok().map(|front| front != getpgrp());
    own_group.unwrap_or(false) || reads_nothing()
}

fn reads_nothing() -> bool {
    fstat(io::stdin()).is_ok_and(|facts| {
        let device = FileType::from_raw_mode(facts.st_mode) == FileType::CharacterDevice;
        device && (major(facts.st_rdev), minor(facts.st_rdev)) == (1, 3)
    })
}
