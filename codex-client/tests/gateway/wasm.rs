//! Modules for a browser: built, and served together with the page that loads them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use codex_transport::testing::{Answer, Script};

use crate::chromium::Browser;

/// Builds a package, and returns the folder with its module and the files of its page. Returns
/// `None`, and prints why, where a browser or the tools for it are missing.
pub fn build(package: &str, page: &str) -> Option<PathBuf> {
    if !Browser::is_installed() {
        eprintln!("skipped: {package} needs Chromium");
        return None;
    }
    let folder = module(package, "dev")?;
    for file in std::fs::read_dir(root().join(page)).expect("a page") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
    }
    Some(folder)
}

/// Builds a module with this profile, and returns the folder with it and its bindings. Returns
/// `None`, and prints why, where the tools for it are missing.
pub fn module(package: &str, profile: &str) -> Option<PathBuf> {
    let libraries = ["--print", "target-libdir", "--target", TARGET];
    let libraries = output(Command::new("rustc").args(libraries));
    if !libraries.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
        eprintln!("skipped: {package} needs `rustup target add {TARGET}`");
        return None;
    }
    let version = locked_version();
    let installed = output(Command::new("wasm-bindgen").arg("--version")).unwrap_or_default();
    if installed.split_whitespace().nth(1) != Some(&*version) {
        eprintln!("skipped: {package} needs `cargo install wasm-bindgen-cli@{version}`");
        return None;
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", profile, "--target", TARGET])
        .args(["-p", package])
        .current_dir(root())
        .status();
    assert!(built.expect("cargo").success(), "{package} does not build");
    // The folder of temporary files is in that of the target.
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let profile_folder = if profile == "dev" { "debug" } else { profile };
    let module = temporary.join("..").join(TARGET).join(profile_folder);
    let folder = temporary.join(format!("{package}-{profile}"));
    let bound = Command::new("wasm-bindgen")
        .args(["--target", "web", "--no-typescript"])
        .args(["--remove-name-section", "--out-dir"])
        .arg(&folder)
        .arg(module.join(package).with_extension("wasm"))
        .status();
    assert!(bound.expect("wasm-bindgen").success(), "no bindings");
    Some(folder)
}

/// Adds the files of a folder to a script.
pub fn serve(script: Script, folder: &Path) -> Script {
    let files = std::fs::read_dir(folder).expect("a folder");
    files.fold(script, |script, file| {
        let path = file.expect("a file").path();
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html",
            Some("css") => "text/css",
            Some("js") => "text/javascript",
            _ => "application/wasm",
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let url = format!("/{}", name.expect("a name"));
        let answer = Answer::ok().header("content-type", kind);
        let answer = answer.body(std::fs::read(path).expect("a file"));
        script.route("GET", &url, answer.forever())
    })
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(())?;
    String::from_utf8(output.stdout).ok()
}

/// The version of `wasm-bindgen` in the lock file, which its program must have too.
fn locked_version() -> String {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    let (_, after) = lock
        .split_once("name = \"wasm-bindgen\"\nversion = \"")
        .expect("wasm-bindgen");
    after.split('"').next().expect("a version").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

const TARGET: &str = "wasm32-unknown-unknown";
