//! A run of an example program whose output is captured and searched for secrets.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::CANARY;

/// A running program.
pub struct Program {
    child: Child,
    said: Arc<(Mutex<String>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
    errors: Arc<(Mutex<String>, Condvar)>,
}

/// The result of a program that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Requires standard error to contain this text.
    #[track_caller]
    pub fn reports(&self, text: &str) {
        assert!(self.stderr.contains(text), "{}", self.stderr);
    }

    /// Requires a failure that standard error explains with this text.
    #[track_caller]
    pub fn fails_with(&self, text: &str) {
        assert_eq!(self.status.code(), Some(1), "{}", self.stderr);
        self.reports(text);
    }
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let (said, errors) = (Arc::default(), Arc::default());
        let readers = vec![
            keep(child.stdout.take().expect("a pipe"), &said),
            keep(child.stderr.take().expect("a pipe"), &errors),
        ];
        Self {
            child,
            said,
            readers,
            errors,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output in which the function finds something.
    pub fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let (text, changed) = &*self.said;
        let deadline = Instant::now() + PATIENCE;
        let mut text = text.lock().expect("a text");
        loop {
            if let Some(found) = text.lines().find_map(&find) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program said only: {text}");
            text = changed.wait_timeout(text, left).expect("a text").0;
        }
    }

    /// Waits for the URL that the program prints for the user to open.
    pub fn address(&self) -> String {
        self.wait_for(|line| {
            line.strip_prefix("  http")
                .map(|rest| format!("http{rest}"))
        })
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("an input");
        writeln!(input, "{line}").expect("a line");
    }

    /// Closes its standard input.
    pub fn hang_up(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for the end, and searches the output for secrets.
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().expect("a child");
                panic!("the program does not end; it said: {}", text(&self.said));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader");
        }
        let (stdout, stderr) = (text(&self.said), text(&self.errors));
        assert!(!stdout.contains(CANARY), "standard output shows a secret");
        assert!(!stderr.contains(CANARY), "standard error shows a secret");
        Ended {
            status,
            stdout,
            stderr,
        }
    }
}

fn keep(
    source: impl Read + Send + 'static,
    into: &Arc<(Mutex<String>, Condvar)>,
) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = String::new();
        while source.read_line(&mut line).is_ok_and(|count| count > 0) {
            into.0.lock().expect("a text").push_str(&line);
            into.1.notify_all();
            line.clear();
        }
    })
}

fn text(shared: &(Mutex<String>, Condvar)) -> String {
    shared.0.lock().expect("a text").clone()
}

const PATIENCE: Duration = Duration::from_secs(30);
