//! The files in `cron/` do what they say: each is parsed, and each command line is run as cron or
//! systemd would run it, against a recorded answer of the API.

use crate::support::built::programs;
use crate::support::sandbox::{Run, Sandbox};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cron").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The API, as `serve_fixture` plays it; ends with this value.
struct Api {
    server: Child,
    address: String,
}

impl Api {
    fn start() -> Self {
        let devices =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fixtures/devices_typical.json");
        let mut server = Command::new(programs().join("serve_fixture"))
            .arg(devices)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut address = String::new();
        let stdout = server.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut address).expect("the server's address");
        Self { server, address: address.trim().to_owned() }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
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

/// A crontab: its variables, and its lines as schedule and command.
struct Crontab {
    variables: BTreeMap<String, String>,
    lines: Vec<(String, String)>,
}

impl Crontab {
    fn parse(text: &str) -> Self {
        let mut crontab = Self { variables: BTreeMap::new(), lines: Vec::new() };
        for line in text.lines().map(str::trim) {
            let words: Vec<_> = line.splitn(6, ' ').collect();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (line.split_once('='), words.as_slice()) {
                (Some((name, value)), _) if !name.contains(' ') => {
                    crontab.variables.insert(name.to_owned(), value.to_owned());
                }
                (_, [schedule @ .., command]) if schedule.len() == 5 => {
                    crontab.lines.push((schedule.join(" "), (*command).to_owned()));
                }
                _ => panic!("not a line of a crontab: {line}"),
            }
        }
        crontab
    }

    /// The environment that cron gives: what the crontab sets, and little else. The programs under
    /// test stand where the installed ones would.
    fn run(&self, command: &str, home: &Path) -> Run {
        let programs = programs();
        let path = self.variables["PATH"]
            .replace("/usr/local/bin", programs.to_str().expect("a folder with a UTF-8 name"));
        let output = Command::new(&self.variables["SHELL"])
            .args(["-c", command])
            .env_clear()
            .envs([("PATH", path.as_str()), ("LOGNAME", "me")])
            .env("HOME", home)
            .current_dir(home)
            .stdin(Stdio::null())
            .output()
            .expect("the shell starts");
        Run::of(output)
    }
}

#[test]
fn the_crontabs_lines_run_the_main_job_under_crons_bare_environment() {
    let crontab = Crontab::parse(&read("kakehi.crontab"));
    let api = Api::start();
    let home = home(&api);
    assert_eq!(crontab.lines.len(), 2);
    for (schedule, command) in &crontab.lines {
        schedule.parse::<croner::Cron>().unwrap_or_else(|cause| panic!("{schedule}: {cause}"));
        assert!(!command.contains('%'), "cron makes a newline of a percent sign: {command}");
        assert!(command.contains(" --lock"), "runs may overlap: {command}");

        let run = crontab.run(command, home.dir()).expect(0);

        // cron mails whatever is printed.
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
    }
    // A timer may fire before anything was ever published.
    let fresh = self::home(&api);
    let (_, subscribe) = &crontab.lines[1];
    let run = crontab.run(subscribe, fresh.dir()).expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let again = home.subscribe().args("--summary json").run().expect(0);
    assert!(again.stderr.contains("\"received\":0"), "the queue is not empty: {}", again.stderr);
}

#[test]
fn a_missing_environment_file_stops_the_crontabs_lines() {
    let crontab = Crontab::parse(&read("kakehi.crontab"));
    let home = Sandbox::new();
    for (_, command) in &crontab.lines {
        let run = crontab.run(command, home.dir());
        assert_ne!(run.code, 0, "{command}");
        assert!(run.stderr.contains(".config/kakehi/env"), "{}", run.stderr);
    }
}

/// A unit file: the values of each `Section.Key`, in their order.
fn unit(name: &str) -> BTreeMap<String, Vec<String>> {
    let mut section = String::new();
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for line in read(name).lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = header.to_owned();
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
            keys.entry(format!("{section}.{key}")).or_default().push(value.to_owned());
        }
    }
    keys
}

#[test]
fn the_services_command_lines_run_the_main_job() {
    let api = Api::start();
    let home = home(&api);
    let fresh = Sandbox::new();
    let service = unit("kakehi-subscribe.service");
    let [before] = service["Service.ExecStartPre"].as_slice() else { panic!("{service:?}") };
    let arguments = before.strip_prefix("-/usr/local/bin/queue ").expect("it makes the queue");
    fresh.queue().args(arguments).run().expect(0);
    fresh.subscribe().run().expect(0);
    for (name, program) in [("publish", home.publish()), ("subscribe", home.subscribe())] {
        let service = unit(&format!("kakehi-{name}.service"));
        let [command] = service["Service.ExecStart"].as_slice() else {
            panic!("one command a service: {service:?}")
        };
        let arguments = command.strip_prefix(&format!("/usr/local/bin/{name} "));
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
    let crontab = Crontab::parse(&read("kakehi.crontab"));
    for (name, calendar, cron) in
        [("publish", "*:0/5", "*/5 * * * *"), ("subscribe", "*:1/5", "1-59/5 * * * *")]
    {
        let timer = unit(&format!("kakehi-{name}.timer"));
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
    let text = read("kakehi.env.example");
    let lines = text.lines().map(|line| line.trim_start_matches('#'));
    let assignments: Vec<_> = lines.filter(|line| is_assignment(line)).collect();
    assert!(assignments.len() > 5, "{assignments:?}");
    let file = sandbox.write("env", assignments.join("\n"));
    let output = Command::new("sh")
        .args(["-c", "set -a && . \"$0\" && exec env"])
        .arg(file)
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
    assert!(text.contains("-m 0600"), "how to install it, readable by its owner only");
}

fn is_assignment(line: &str) -> bool {
    let name = line.split('=').next().unwrap_or_default();
    line.contains('=') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}
