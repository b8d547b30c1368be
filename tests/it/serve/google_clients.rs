//! Google's own clients of pull queues, each against a server as a process.

use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use crate::support::serving::Serving;
use std::path::Path;

/// A script of `tests/clients/python/`, about to be run by the Python that has Google's clients.
fn python(sandbox: &Sandbox, script: &str, server: &Serving) -> Program {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python");
    let program = sandbox.command(services::python()).arg(folder.join(script));
    // No file beside the script, and no question to a machine of Google's whether we are one.
    program.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_GCE_CHECK", "true").arg(server.url(""))
}

#[test]
fn the_rest_client_of_python_needs_no_setting() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["pull-queue"]);
    let run = python(&sandbox, "rest.py", &server).run().expect(0);
    assert_eq!(run.stdout, "done\n", "{}", run.stderr);
}

#[test]
fn the_rest_client_of_python_shows_its_token() {
    let sandbox = Sandbox::new();
    let token = "an-entirely-secret-token";
    sandbox.write("token", token);
    sandbox.queue().args("create sqlite:q.db?queue=pull-queue").run().expect(0);
    let server = Serving::start(&sandbox, "--token-file token");
    let run = python(&sandbox, "rest.py", &server).arg(token).run().expect(0);
    assert_eq!(run.stdout, "done\n", "{}", run.stderr);
}

#[test]
fn the_rest_client_of_go_works() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["pull-queue"]);
    let run =
        sandbox.command(services::go_clients().join("v1/rest")).arg(server.url("")).run().expect(0);
    let expected = r#"queue taskqueues#taskqueue projects/s~seed/taskqueues/pull-queue 0 0 0
inserted parse1 parse pull-queue true
inserted parse2 parse pull-queue true
inserted render1 render pull-queue true
inserted render2 render pull-queue true
again 409
named true
listed: parse1 pull-queue "" parse2 pull-queue "" render1 pull-queue "" render2 pull-queue ""
by tag: render1 LONG "render1?\xff\xfe>" render2 LONG "render2?\xff\xfe>"
oldest tag: parse1 LONG "parse1?\xff\xfe>"
any: parse2 LONG "parse2?\xff\xfe>"
none:
tag alone 400
updated true
late 400 The task lease has expired
released: parse1 LONG "parse1?\xff\xfe>"
gone 404
name in use 409
no queue 404
queue taskqueues#taskqueue projects/s~seed/taskqueues/pull-queue 0 5 5
"#;
    assert_eq!(run.stdout, expected.replace("LONG", "projects/s~seed/taskqueues/pull-queue"));
}

#[test]
fn the_cloud_tasks_clients_of_python_work() {
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["pull-queue"]);
    let run = python(&sandbox, "cloud_tasks.py", &server).run().expect(0);
    assert_eq!(run.stdout, "done\n", "{}", run.stderr);
}

/// `gcloud alpha tasks`, where it is installed.
struct Gcloud<'s> {
    sandbox: &'s Sandbox,
    server: &'s Serving,
}

impl Gcloud<'_> {
    #[track_caller]
    fn run(&self, arguments: &str) -> Run {
        let program = self.sandbox.command("gcloud").args("alpha tasks").args(arguments);
        let program = program.args("--location anywhere --project seed --quiet");
        let endpoint = self.server.url("/");
        let program = program.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS", endpoint);
        let program = program.env("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true");
        program.env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1").run().expect(0)
    }
}

#[test]
fn gcloud_works_where_it_is_installed() {
    // `tests/run.sh` looks for it, and says where it is not there.
    if std::env::var_os("TEST_GCLOUD").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let server = Serving::with_queues(&sandbox, &["pull-queue"]);
    let gcloud = Gcloud { sandbox: &sandbox, server: &server };
    gcloud.run("queues create-pull-queue made --max-attempts 3");
    let shown = gcloud.run("queues describe made --format value(retryConfig.maxAttempts,state)");
    assert_eq!(shown.stdout, "3\tRUNNING\n");
    for name in ["one", "two"] {
        let payload = format!("--payload-content hello-{name} --tag {name}");
        gcloud.run(&format!("create-pull-task {name} --queue made {payload}"));
    }
    let lease = "lease --queue made --lease-duration 600 --limit 10";
    let format = "--format value(name.basename(),scheduleTime)";
    let leased = gcloud.run(&format!("{lease} --tag two {format}")).stdout;
    let (name, time) = leased.trim().split_once('\t').expect("a name and a time");
    assert_eq!(name, "two");
    gcloud.run(&format!("acknowledge two --queue made --schedule-time {}", time.trim()));
    let listed = gcloud.run("list --queue made --format value(name.basename())");
    assert_eq!(listed.stdout, "one\n");
    gcloud.run("queues pause made");
    gcloud.run("queues resume made");
    gcloud.run("queues purge made");
    assert_eq!(gcloud.run("list --queue made --format value(name)").stdout, "");
}
