//! The files in `cron/` do what they say: each is parsed, and each command line is run as cron or
//! systemd would run it, against a recorded answer of the API.

use crate::support::built::programs;
use crate::support::cron_files::{Api, Crontab, read, shipped, unit};
use crate::support::sandbox::{Run, Sandbox};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// A command with the programs under test where the installed ones would be.
fn under_test(command: &str) -> String {
    assert!(command.contains("/usr/bin/"), "a program without its path: {command}");
    command.replace("/usr/bin/", &format!("{}/", programs().display()))
}

/// A home with the environment file where the crontab looks for it.
fn home(api: &Api) -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path(".config/kakehi")).expect("a folder");
    let file = sandbox.write(
        ".config/kakehi/env",
        format!("NATURE_REMO_TOKEN='to$(k)en'\nNATURE_REMO_ENDPOINT='{}'\n", api.address),
    );
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("mode 0600");
    sandbox
}

#[test]
fn the_crontabs_lines_run_the_main_job_under_crons_bare_environment() {
    let crontab = Crontab::parse(&read(&shipped("kakehi.crontab")));
    let api = Api::start();
    let home = home(&api);
    assert_eq!(crontab.lines.len(), 2);
    for (schedule, command) in &crontab.lines {
        schedule.parse::<croner::Cron>().unwrap_or_else(|cause| panic!("{schedule}: {cause}"));
        assert!(!command.contains('%'), "cron makes a newline of a percent sign: {command}");
        assert!(command.contains(" --lock"), "runs may overlap: {command}");
        assert!(command.contains(" --on-failure first"), "a mail a round: {command}");

        let run = crontab.run(&under_test(command), home.dir()).expect(0);

        // cron mails whatever is printed.
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
    }
    // A timer may fire before anything was ever published.
    let fresh = self::home(&api);
    let (_, subscribe) = &crontab.lines[1];
    let run = crontab.run(&under_test(subscribe), fresh.dir()).expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let again = home.subscribe().args("--summary json").run().expect(0);
    assert!(again.stderr.contains("\"received\":0"), "the queue is not empty: {}", again.stderr);
}

#[test]
fn a_crontab_without_a_configuration_says_what_is_missing() {
    let crontab = Crontab::parse(&read(&shipped("kakehi.crontab")));
    let home = Sandbox::new();
    std::fs::create_dir_all(home.path(".config/kakehi")).expect("a folder");
    // An empty one, so that none of this machine's is read.
    home.write(".config/kakehi/env", "");
    let (_, publish) = &crontab.lines[0];
    let run = crontab.run(&under_test(publish), home.dir()).expect(78);
    assert!(run.stderr.contains("`NATURE_REMO_TOKEN`"), "{}", run.stderr);
}

#[test]
fn the_services_command_lines_run_the_main_job() {
    let api = Api::start();
    let home = home(&api);
    let fresh = Sandbox::new();
    let service = unit(&shipped("kakehi-subscribe.service"));
    let [before] = service["Service.ExecStartPre"].as_slice() else { panic!("{service:?}") };
    let arguments = before.strip_prefix("-/usr/bin/queue ").expect("it makes the queue");
    fresh.queue().args(arguments).run().expect(0);
    fresh.subscribe().run().expect(0);
    for (name, program) in [("publish", home.publish()), ("subscribe", home.subscribe())] {
        let service = unit(&shipped(&format!("kakehi-{name}.service")));
        let [command] = service["Service.ExecStart"].as_slice() else {
            panic!("one command a service: {service:?}")
        };
        let arguments = command.strip_prefix(&format!("/usr/bin/{name} "));
        let arguments = arguments.unwrap_or_else(|| panic!("where is {name} in {command}?"));
        assert!(arguments.contains("--lock"), "runs may overlap: {command}");
        assert_eq!(service["Service.EnvironmentFile"], ["/etc/kakehi/env"]);

        let program = program.args(arguments).env("NATURE_REMO_ENDPOINT", &api.address);
        let run = program.env("NATURE_REMO_TOKEN", "token").run().expect(0);

        assert!(run.stderr.contains('4'), "four devices: {}", run.stderr);
    }
}

#[test]
fn the_timers_start_the_services_when_the_crontab_does() {
    let crontab = Crontab::parse(&read(&shipped("kakehi.crontab")));
    for (name, calendar, cron) in
        [("publish", "*:0/5", "*/5 * * * *"), ("subscribe", "*:1/5", "1-59/5 * * * *")]
    {
        let timer = unit(&shipped(&format!("kakehi-{name}.timer")));
        assert_eq!(timer["Timer.OnCalendar"], [calendar]);
        assert_eq!(timer["Install.WantedBy"], ["timers.target"]);
        let line = crontab.lines.iter().find(|(_, command)| command.contains(name));
        assert_eq!(line.map(|(schedule, _)| schedule.as_str()), Some(cron));
    }
}

#[test]
fn the_environment_file_means_the_same_to_sh_and_to_systemd() {
    let sandbox = Sandbox::new();
    // Every variable, the commented ones too.
    let text = read(&shipped("kakehi.env.example"));
    let lines = text.lines().map(|line| line.trim_start_matches('#'));
    let assignments: Vec<_> = lines.filter(|line| is_assignment(line)).collect();
    assert!(assignments.len() > 5, "{assignments:?}");
    let file = sandbox.write("env", assignments.join("\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("mode 0600");
    let count = assignments.len();
    let output = Command::new("sh")
        .args(["-c", "set -a && . \"$0\" && exec env"])
        .arg(&file)
        .env_clear()
        .output()
        .expect("sh starts");
    let run = Run::of(output).expect(0);
    for assignment in assignments {
        let (name, value) = assignment.split_once('=').expect("an assignment");
        let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        let value = value.unwrap_or_else(|| panic!("`{name}` is not in single quotes"));
        assert!(!value.contains(['\'', '\\']), "sh and systemd differ on {assignment}");
        assert!(run.stdout.lines().any(|line| line == format!("{name}={value}")), "{name}");
    }
    // Our own programs read each line of it, too.
    let shown = sandbox.queue().arg("--show-config").env("KAKEHI_CONFIG", &file).run().expect(0);
    let lines = shown.stdout.lines().filter(|line| line.contains("  line ")).count();
    assert_eq!(lines, count, "{}", shown.stdout);
    assert!(text.contains("-m 0600"), "how to install it, readable by its owner only");
}

fn is_assignment(line: &str) -> bool {
    let name = line.split('=').next().unwrap_or_default();
    line.contains('=') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}
