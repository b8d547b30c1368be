//! Databases of a test's own: on the servers that `tests/run.sh` has started, and on ones that the
//! test may freeze, kill and start again.

use crate::support::redis_server::{free_port, wait_for};
use crate::support::services;
use crate::support::system::{children, id, is_root};
use kakehi::clients::sql::{self, Client};
use kakehi::environment::Environment;
use kakehi::{Location, Result};
use nix::sys::signal::{Signal, kill};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The user that a server of a test's own has.
const USER: &str = "kakehi";

/// The user's password there.
const PASSWORD: &str = "p@ss:/w%rd?#[]&=+ $";

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MariaDb,
    Postgres,
}

impl Kind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::MariaDb, Self::Postgres];

    fn scheme(self) -> &'static str {
        match self {
            Self::MariaDb => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// A database of its own on the server that all tests share.
    pub fn database(self) -> Database {
        let address = match self {
            Self::MariaDb => services::mariadb(),
            Self::Postgres => services::postgres(),
        };
        let (username, password) = services::sql_login();
        Database::make(Access { kind: self, address, username, password })
    }
}

/// A server and who we are there.
#[derive(Debug, Clone)]
struct Access {
    kind: Kind,
    address: String,
    username: String,
    password: String,
}

impl Access {
    /// Runs statements by the server's own program; gives what they give.
    fn run(&self, database: &str, statements: &str) -> std::io::Result<String> {
        let (host, port) = self.address.split_once(':').expect("HOST:PORT");
        let mut command = match self.kind {
            Kind::MariaDb => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "--batch", "--skip-column-names", "-h", host]);
                command.args(["-P", port, "-u", &self.username, database]);
                command.args(["--default-character-set=utf8mb4"]);
                command
            }
            Kind::Postgres => {
                let mut command = Command::new("psql");
                command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host]);
                command.args(["-p", port, "-U", &self.username, "-d", database]);
                command
            }
        };
        let mut child = command
            .envs([("MYSQL_PWD", &self.password), ("PGPASSWORD", &self.password)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it is installed: `bash tests/run.sh` sees to it");
        let given = child.stdin.take().expect("a pipe").write_all(statements.as_bytes());
        let end = child.wait_with_output()?;
        match end.status.success() {
            true => given.map(|()| String::from_utf8_lossy(&end.stdout).into_owned()),
            false => Err(std::io::Error::other(String::from_utf8_lossy(&end.stderr).into_owned())),
        }
    }

    /// The database that is always there.
    fn first(&self) -> &'static str {
        match self.kind {
            Kind::MariaDb => "mysql",
            Kind::Postgres => "postgres",
        }
    }
}

/// A database that ends with its test.
pub struct Database {
    access: Access,
    name: String,
}

impl Database {
    fn make(access: Access) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let create = format!("create database {name}");
        access.run(access.first(), &create).expect("a database is made");
        Self { access, name }
    }

    /// `mysql://HOST:PORT/NAME`.
    pub fn url(&self) -> String {
        self.url_at(&self.access.address)
    }

    /// The URL by which it is reached at another address, as a proxy's.
    pub fn url_at(&self, address: &str) -> String {
        format!("{}://{address}/{}", self.access.kind.scheme(), self.name)
    }

    /// `HOST:PORT` of its server.
    pub fn address(&self) -> &str {
        &self.access.address
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a program must know to log in.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("SQL_USERNAME", self.access.username.clone()),
            ("SQL_PASSWORD", self.access.password.clone()),
        ]
    }

    /// Runs statements; gives what they give, a line each row.
    pub fn run(&self, statements: &str) -> String {
        self.access.run(&self.name, statements).expect("the statements are right")
    }

    /// A client of ours on it.
    pub fn client(&self) -> Client {
        self.client_of(&self.url()).expect("a URL")
    }

    /// A client of ours that goes by this URL.
    pub fn client_of(&self, url: &str) -> Result<Client> {
        open(url, &self.variables().into_iter().collect())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let end = match self.access.kind {
            Kind::MariaDb => format!("drop database {}", self.name),
            Kind::Postgres => format!("drop database {} with (force)", self.name),
        };
        let _ = self.access.run(self.access.first(), &end); // its server may be gone
    }
}

/// A client of ours by its URL, with all its parameters.
pub fn open(url: &str, environment: &Environment) -> Result<Client> {
    let mut url = Location::parse(url)?;
    let client = sql::open(&mut url, environment)?;
    url.finish(sql::parameters(&url)).map(|()| client)
}

/// A server with a folder of its own, on a free port of loopback.
pub struct SqlServer {
    folder: TempDir,
    access: Access,
    port: u16,
    arguments: Vec<String>,
    process: Child,
}

impl SqlServer {
    /// Starts one, and waits until it answers.
    pub fn start(kind: Kind) -> Self {
        Self::start_with(kind, |_| Vec::new())
    }

    /// Starts one that speaks TLS, with a certificate for 127.0.0.1 of the authority in `ca()`.
    pub fn start_with_tls(kind: Kind) -> Self {
        Self::start_with(kind, |folder| {
            make_certificates(folder);
            let file = |name: &str| folder.join(name).display().to_string();
            let (cert, key, ca) = (file("cert.pem"), file("key.pem"), file("ca.pem"));
            match kind {
                Kind::MariaDb => vec![
                    format!("--ssl-cert={cert}"),
                    format!("--ssl-key={key}"),
                    format!("--ssl-ca={ca}"),
                ],
                Kind::Postgres => {
                    let settings = ["ssl=on".to_owned(), format!("ssl_cert_file={cert}")];
                    let key = format!("ssl_key_file={key}");
                    settings.into_iter().chain([key]).flat_map(|it| ["-c".to_owned(), it]).collect()
                }
            }
        })
    }

    fn start_with(kind: Kind, arguments: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = TempDir::with_prefix("kakehi-sql-").expect("a temporary folder");
        let port = free_port();
        let arguments = arguments(folder.path());
        found(kind, folder.path());
        let process = launch(kind, folder.path(), port, &arguments);
        let (username, password) = (USER.to_owned(), PASSWORD.to_owned());
        let access = Access { kind, address: format!("127.0.0.1:{port}"), username, password };
        let server = Self { folder, access, port, arguments, process };
        server.wait_until_it_answers();
        server
    }

    /// A database on it.
    pub fn database(&self) -> Database {
        Database::make(self.access.clone())
    }

    /// The certificate of the authority that has signed the server's.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Sends it a signal, as SIGSTOP: of PostgreSQL, to the process that takes new connections.
    pub fn signal(&self, signal: Signal) {
        kill(id(&self.process), signal).expect("it has not been waited for");
    }

    /// Ends it in the middle of whatever it does: of PostgreSQL also the processes that have begun to
    /// answer, which would only notice that they are alone when they wait for something.
    pub fn end(&mut self) {
        if self.process.try_wait().expect("our child").is_some() {
            return; // its id may be somebody else's
        }
        let others = children(id(&self.process));
        self.process.kill().expect("it has not been waited for");
        self.process.wait().expect("our child");
        for other in others {
            let _ = kill(other, Signal::SIGKILL); // it may have ended
        }
    }

    /// Starts it again, on its port and with its files.
    pub fn start_again(&mut self) {
        self.end();
        self.process = wait_for("the database's files are free", || {
            let mut process =
                launch(self.access.kind, self.folder.path(), self.port, &self.arguments);
            let answers = wait_for("the database answers or ends", || {
                let ended = process.try_wait().expect("a child").is_some();
                (ended || self.answers()).then_some(!ended)
            });
            answers.then_some(process)
        });
    }

    fn answers(&self) -> bool {
        self.access.run(self.access.first(), "select 1").is_ok()
    }

    fn wait_until_it_answers(&self) {
        wait_for("the database answers", || self.answers().then_some(()));
    }
}

impl Drop for SqlServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes the files of a server.
fn found(kind: Kind, folder: &Path) {
    let data = folder.join("data");
    match kind {
        Kind::MariaDb => {
            let user = format!(
                "create user if not exists '{USER}'@'%' identified by '{PASSWORD}';\n\
                 grant all on *.* to '{USER}'@'%' with grant option;\n"
            );
            std::fs::write(folder.join("init.sql"), user).expect("a file");
            // Two that do this at once in one folder are in each other's way.
            run(Command::new("mariadb-install-db").env("TMPDIR", folder).args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=4M",
                &format!("--datadir={}", data.display()),
            ]));
        }
        Kind::Postgres => {
            let password = folder.join("password");
            std::fs::write(&password, PASSWORD).expect("a file");
            give_away(folder);
            run(postgres("initdb")
                .args(["--no-sync", "-U", USER, "-E", "UTF8", "--locale=C"])
                .args([
                    "--auth=scram-sha-256",
                    &format!("--pwfile={}", password.display()),
                    "-D",
                    &data.display().to_string(),
                ]));
        }
    }
}

fn launch(kind: Kind, folder: &Path, port: u16, arguments: &[String]) -> Child {
    let (data, port) = (folder.join("data"), port.to_string());
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = match kind {
        Kind::MariaDb => {
            let mut command = Command::new("mariadbd");
            command.env("TMPDIR", folder);
            command.args(["--no-defaults", "--skip-log-bin", "--performance-schema=OFF"]);
            command.args(["--innodb-buffer-pool-size=32M", "--bind-address=127.0.0.1"]);
            command.args(["--character-set-server=utf8mb4", &format!("--port={port}")]);
            command.arg(format!("--datadir={}", data.display()));
            command.arg(format!("--socket={}", file("s")));
            command.arg(format!("--pid-file={}", file("pid")));
            command.arg(format!("--init-file={}", file("init.sql")));
            if is_root() {
                command.arg("--user=root");
            }
            command
        }
        Kind::Postgres => {
            let mut command = postgres("postgres");
            // One that is killed would leave what its processes share in the system's memory.
            command.args(["-c", "dynamic_shared_memory_type=mmap"]);
            command.args(["-k", "", "-h", "127.0.0.1", "-F", "-p", &port, "-D"]).arg(data);
            command
        }
    };
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it is installed: `bash tests/run.sh` sees to it")
}

/// A program of PostgreSQL, which refuses to be run by root.
fn postgres(program: &str) -> Command {
    let path = services::postgres_programs().join(program);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(path);
    command
}

/// Gives a folder with all that is in it to the user that PostgreSQL runs as.
fn give_away(folder: &Path) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg("nobody").arg(folder));
    }
}

/// An authority, and a certificate of it for 127.0.0.1, in a server's folder.
fn make_certificates(folder: &Path) {
    let extensions = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
    std::fs::write(folder.join("ext.cnf"), extensions).expect("a file");
    let openssl = |arguments: &str| {
        run(Command::new("openssl").current_dir(folder).args(arguments.split(' ')));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout";
    openssl(&format!(
        "req -x509 {key} ca.key -out ca.pem -days 2 -subj /CN=test-authority \
         -addext basicConstraints=critical,CA:TRUE"
    ));
    openssl(&format!("req -new {key} key.pem -out request.pem -subj /CN=test-server"));
    openssl(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem \
         -extfile ext.cnf",
    );
    let own = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.join("key.pem"), own).expect("a file of ours");
}

fn run(command: &mut Command) {
    let end = command.output().expect("it is installed: `bash tests/run.sh` sees to it");
    assert!(end.status.success(), "{command:?}: {}", String::from_utf8_lossy(&end.stderr));
}
