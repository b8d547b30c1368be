//! What Linux tells of processes, and as whom this one runs.

use nix::unistd::Pid;
use std::fs;
use std::process::Child;

/// A process that is there, if only to be waited for.
pub struct Stat {
    pub state: char,
    pub parent: Pid,
}

/// Whether we are who may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The id of a child of ours.
pub fn id(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("an id of the system"))
}

/// Whether a process is there and runs. A zombie does not: whoever is its parent reaps it some day.
pub fn lives(id: Pid) -> bool {
    stat(id).is_some_and(|it| it.state != 'Z')
}

/// The processes that one has started.
pub fn children(parent: Pid) -> Vec<Pid> {
    let names = fs::read_dir("/proc").expect("Linux has it").flatten().map(|it| it.file_name());
    let ids = names.filter_map(|name| name.to_str()?.parse().ok().map(Pid::from_raw));
    ids.filter(|id| stat(*id).is_some_and(|it| it.parent == parent)).collect()
}

/// What is told of a process, unless it is gone.
pub fn stat(id: Pid) -> Option<Stat> {
    let facts = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets and may hold anything; the state and the parent follow it.
    let (_, rest) = facts.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let state = words.next()?.parse().ok()?;
    Some(Stat { state, parent: Pid::from_raw(words.next()?.parse().ok()?) })
}

/// The most memory that a process ever had, in bytes.
pub fn peak_memory(id: u32) -> u64 {
    let facts = fs::read_to_string(format!("/proc/{id}/status")).expect("it is not waited for yet");
    let line = facts.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
