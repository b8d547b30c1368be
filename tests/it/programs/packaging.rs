//! What packages, archives and `install.sh` lay out is whole: every line of its crontabs and every unit
//! finds its program, from an empty root on.

use crate::support::built::programs;
use crate::support::cron_files::{Api, Crontab, read, unit};
use crate::support::documents::root;
use crate::support::sandbox::{Run, Sandbox};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const PROGRAMS: [&str; 5] = ["kakehi", "publish", "subscribe", "queue", "store"];

/// A folder with the programs under test. Each is a short script: their copies would take gigabytes.
fn small_programs(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.path("built");
    fs::create_dir(&folder).expect("a folder");
    for name in PROGRAMS {
        let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", programs().join(name).display());
        let path = sandbox.write(&format!("built/{name}"), script);
        set_mode(&path, 0o755);
    }
    folder
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode()
        & 0o777
}

/// A script of `packaging/`, with these words.
fn script(sandbox: &Sandbox, name: &str, words: &[&Path]) -> Run {
    let path = root().join("packaging").join(name);
    let program = sandbox.command("bash").arg(path);
    words.iter().fold(program, |program, word| program.arg(word)).run()
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(at) = next.pop() {
        for entry in fs::read_dir(&at).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                next.push(entry.path());
            } else {
                let path = entry.path();
                all.push(path.strip_prefix(folder).expect("below").display().to_string());
            }
        }
    }
    all.sort();
    all
}

/// What a home's programs need to do the main job.
fn configure(env: &Path, api: &Api) {
    fs::create_dir_all(env.parent().expect("a folder")).expect("folders");
    let lines = format!("NATURE_REMO_TOKEN='token'\nNATURE_REMO_ENDPOINT='{}'\n", api.address);
    fs::write(env, lines).expect("a file");
    set_mode(env, 0o600);
}

/// Runs every command of a crontab and of the units beside it, in this home; `at` is where what they call
/// /usr/bin is.
fn run_all(crontab: &Path, units: &Path, home: &Path, at: &str) {
    let crontab = Crontab::parse(&read(crontab));
    let mut commands: Vec<_> = crontab.lines.iter().map(|(_, command)| command.clone()).collect();
    assert_eq!(commands.len(), 2);
    for name in ["kakehi-publish.service", "kakehi-subscribe.service"] {
        let service = unit(&units.join(name));
        let before = service.get("Service.ExecStartPre").into_iter().flatten();
        let starts = before.chain(&service["Service.ExecStart"]);
        commands.extend(starts.map(|it| it.trim_start_matches('-').to_owned()));
        assert!(units.join(name.replace(".service", ".timer")).is_file());
    }
    assert_eq!(commands.len(), 5, "{commands:?}");
    for command in commands {
        let run = crontab.run(&command.replace("/usr/bin/", at), home).expect(0);
        assert!(!run.stderr.contains("not found"), "{command}: {}", run.stderr);
    }
}

#[test]
fn a_package_has_whatever_its_units_and_its_crontab_name() {
    let (sandbox, api) = (Sandbox::new(), Api::start());
    let (tree, home) = (sandbox.path("tree"), sandbox.path("home"));
    script(&sandbox, "stage.sh", &[&small_programs(&sandbox), &tree]).expect(0);
    configure(&home.join(".config/kakehi/env"), &api);
    let at = format!("{}/usr/bin/", tree.display());
    run_all(
        &tree.join("usr/share/kakehi/kakehi.crontab"),
        &tree.join("usr/lib/systemd/system"),
        &home,
        &at,
    );
    assert!(home.join(".local/share/kakehi/store.db").exists());
    assert_eq!(mode(&tree.join("etc/kakehi/env")), 0o640);
    let env = read(&tree.join("etc/kakehi/env"));
    let set: Vec<_> =
        env.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(set, ["XDG_DATA_HOME='/var/lib'"]);
    let share = files(&tree.join("usr/share"));
    for path in [
        "man/man1/publish.1.gz",
        "man/man1/queue-dead-redrive.1.gz",
        "man/man1/store-chart.1.gz",
        "bash-completion/completions/queue",
        "zsh/vendor-completions/_subscribe",
        "fish/vendor_completions.d/store.fish",
        "doc/kakehi/docs/install.md",
    ] {
        assert!(share.iter().any(|it| it == path), "no {path}: {share:?}");
    }
    // The user of the units is the one that the package makes.
    let user = read(&tree.join("usr/lib/sysusers.d/kakehi.conf"));
    let service = unit(&tree.join("usr/lib/systemd/system/kakehi-publish.service"));
    assert!(user.contains(&format!("\nu {} ", service["Service.User"][0])), "{user}");
}

#[test]
fn a_user_who_installed_by_cargo_gets_a_crontab_and_units_that_find_the_programs() {
    let (sandbox, api) = (Sandbox::new(), Api::start());
    let built = small_programs(&sandbox);
    // As `cargo install --root ~/.local` leaves them.
    fs::create_dir_all(sandbox.path(".local")).expect("a folder");
    fs::rename(&built, sandbox.path(".local/bin")).expect("the programs");
    let run = script(&sandbox, "install.sh", &[]).expect(0);
    let env = sandbox.path(".config/kakehi/env");
    assert!(run.stdout.contains(&env.display().to_string()), "{}", run.stdout);
    assert_eq!(mode(&env), 0o600);
    configure(&env, &api);
    let crontab = sandbox.path(".local/share/kakehi-install/kakehi.crontab");
    let units = sandbox.path(".config/systemd/user");
    run_all(&crontab, &units, sandbox.dir(), "/usr/bin/");
    assert!(sandbox.path(".local/share/kakehi/store.db").exists());
    for name in ["kakehi-publish.service", "kakehi-subscribe.service"] {
        let service = unit(&units.join(name));
        for systems in ["User", "StateDirectory", "EnvironmentFile", "ProtectSystem"] {
            assert!(!service.contains_key(&format!("Service.{systems}")), "{name}: {systems}");
        }
    }
    // Once more, as for an upgrade: the configuration stays as it is.
    script(&sandbox, "install.sh", &[]).expect(0);
    assert!(read(&env).contains("NATURE_REMO_TOKEN='token'"));
}

#[test]
fn what_is_uninstalled_leaves_configuration_and_data_only() {
    let sandbox = Sandbox::new();
    let built = small_programs(&sandbox);
    script(&sandbox, "install.sh", &[&built]).expect(0);
    let store = sandbox.path(".local/share/kakehi");
    fs::create_dir_all(&store).expect("a folder");
    sandbox.write(".local/share/kakehi/queue.db", "");
    fs::remove_dir_all(&built).expect("the programs");
    assert!(sandbox.path(".local/bin/kakehi").exists());
    let run = script(&sandbox, "install.sh", &[Path::new("--uninstall")]).expect(0);
    assert!(run.stdout.contains("crontab -e"), "{}", run.stdout);
    assert_eq!(files(sandbox.dir()), [".config/kakehi/env", ".local/share/kakehi/queue.db"]);
}

#[test]
fn the_system_is_installed_below_a_prefix_that_units_and_crontab_name() {
    let sandbox = Sandbox::new();
    let (built, root) = (small_programs(&sandbox), sandbox.path("root"));
    let words =
        ["--system", "--root", root.to_str().expect("UTF-8"), built.to_str().expect("UTF-8")];
    script(&sandbox, "install.sh", &words.map(Path::new)).expect(0);
    let service = unit(&root.join("etc/systemd/system/kakehi-publish.service"));
    let [start] = service["Service.ExecStart"].as_slice() else { panic!("{service:?}") };
    let program = start.split(' ').next().expect("a program");
    assert_eq!(program, "/usr/local/bin/publish");
    assert_eq!(mode(&root.join(program.trim_start_matches('/'))), 0o755);
    assert_eq!(service["Service.EnvironmentFile"], ["/etc/kakehi/env"]);
    assert!(root.join("etc/sysusers.d/kakehi.conf").exists());
    assert!(read(&root.join("etc/kakehi/env")).contains("\nXDG_DATA_HOME='/var/lib'\n"));
    assert!(!files(&root).iter().any(|path| path.ends_with(".new")));
}

#[test]
fn an_archive_installs_itself_and_is_the_same_each_time() {
    let sandbox = Sandbox::new();
    let built = small_programs(&sandbox);
    let made = |out: &str| {
        let run = script(&sandbox, "archive.sh", &[&built, &sandbox.path(out)]).expect(0);
        PathBuf::from(run.stdout.trim())
    };
    let (first, second) = (made("one"), made("two"));
    assert_eq!(fs::read(&first).expect("an archive"), fs::read(&second).expect("an archive"));
    let home = sandbox.path("home");
    fs::create_dir(&home).expect("a home");
    let unpacked = "tar -xzf \"$0\" && cd kakehi-* && bash install.sh && cd .. && rm -r kakehi-*";
    let archive = first.to_str().expect("UTF-8");
    sandbox.shell(unpacked, archive).env("HOME", &home).run().expect(0);
    let program = sandbox.command(home.join(".local/bin/publish"));
    let run = program.arg("--version").run().expect(0);
    assert_eq!(run.stdout, format!("publish {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn install_sh_says_what_is_wrong() {
    let sandbox = Sandbox::new();
    for (words, code, says) in [
        (&["--nonsense"][..], 2, "there is no flag --nonsense"),
        (&["--prefix", "here"], 2, "from / on"),
        (&[], 1, "there are no programs in"),
        (&["--prefix", "/a b"], 1, "--prefix FOLDER"),
    ] {
        let words: Vec<_> = words.iter().map(Path::new).collect();
        let run = script(&sandbox, "install.sh", &words).expect(code);
        assert!(run.stderr.contains(says), "{words:?}: {}", run.stderr);
    }
    let help = script(&sandbox, "install.sh", &[Path::new("--help")]).expect(0);
    assert!(help.stdout.contains("--uninstall") && !help.stdout.contains('#'), "{}", help.stdout);
    assert_eq!(files(sandbox.dir()), [""; 0]);
}
