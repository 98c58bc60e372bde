//! The examples of docs/verifying.md accept what is ours, and nothing else.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use oc_config::SignatureKey;
use oc_dispatch::signature;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const ID: &str = "018f3c1e-8a52-7c11-9c55-0b8d4b0d5a01";
const NOW: i64 = 1_795_549_236;
const BODY: &str = r#"{"id":"018f3c1e","message":{"instanceName":"Zoë"}}"#;
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// For one program; a loaded machine takes its time to start a virtual machine.
const WITHIN: Duration = Duration::from_secs(120);

/// A language, and how its example is run; `OUT` is a folder for what is compiled.
struct Language {
    name: &'static str,
    version: &'static [&'static str],
    compile: &'static [&'static str],
    run: &'static [&'static str],
    /// Whether the tests need it anyway, so that it has to be there.
    required: bool,
}

const LANGUAGES: [Language; 5] = [
    Language {
        name: "Python",
        version: &["python3", "--version"],
        compile: &[],
        run: &["python3", "verify.py"],
        required: true,
    },
    Language {
        name: "Node",
        version: &["node", "--version"],
        compile: &[],
        run: &["node", "verify.mjs"],
        required: true,
    },
    Language {
        name: "Java",
        version: &["javac", "--version"],
        compile: &["javac", "-d", "OUT", "Verify.java"],
        run: &["java", "-cp", "OUT", "Verify"],
        required: false,
    },
    Language {
        name: "Go",
        version: &["go", "version"],
        compile: &["go", "build", "-o", "OUT/verify", "verify.go"],
        run: &["OUT/verify"],
        required: false,
    },
    Language {
        name: "PHP",
        version: &["php", "--version"],
        compile: &[],
        run: &["php", "verify.php"],
        required: false,
    },
];

/// What a receiver gets, and what it should make of it.
struct Vector {
    what: &'static str,
    /// The receiver's key.
    key: &'static str,
    words: Vec<String>,
    body: &'static str,
    genuine: bool,
}

/// `webhook-signature` under the sender's keys.
fn standard(keys: &[&str]) -> anyhow::Result<String> {
    signature::standard(&read(keys)?, ID, NOW, BODY.as_bytes()).context("a signature")
}

/// `Elements-Webhook-Signature` under the sender's keys.
fn elements(keys: &[&str]) -> anyhow::Result<String> {
    signature::elements(&read(keys)?, BODY.as_bytes()).context("a signature")
}

fn read(keys: &[&str]) -> anyhow::Result<Vec<SignatureKey>> {
    keys.iter().map(|key| SignatureKey::parse(key).map_err(anyhow::Error::msg)).collect()
}

fn vectors() -> anyhow::Result<Vec<Vector>> {
    let words = |id: &str, seconds: &str, signature: &str, now: i64| {
        ["standard", id, seconds, signature, &now.to_string()].map(str::to_owned).to_vec()
    };
    let sent = NOW.to_string();
    let usual = |signature: &str| words(ID, &sent, signature, NOW);
    let old_way = |signature: String| vec!["elements".to_owned(), signature];
    let plain = standard(&["key"])?;
    let rotated = standard(&[WHSEC, "old"])?;
    let fresh = words(ID, &(NOW + 600).to_string(), &plain, NOW + 600);
    let vector = |what, key, words, genuine| Vector { what, key, words, body: BODY, genuine };
    let changed = |what, words| Vector { body: "{}", ..vector(what, "key", words, false) };
    Ok(vec![
        vector("a text as key", "key", usual(&plain), true),
        vector("a key beyond ASCII", "clé", usual(&standard(&["clé"])?), true),
        vector("the new key of two", WHSEC, usual(&rotated), true),
        vector("the old key of two", "old", usual(&rotated), true),
        vector("neither key of two", "key", usual(&rotated), false),
        vector("a wrong key", "other", usual(&plain), false),
        vector("a wrong signature", "key", usual("v1,AAAA v1a,x"), false),
        vector("no signature", "key", usual(""), false),
        vector("another id", "key", words("018f", &sent, &plain, NOW), false),
        vector("no time", "key", words(ID, "soon", &plain, NOW), false),
        vector("a little late", "key", words(ID, &sent, &plain, NOW + 299), true),
        vector("replayed later", "key", words(ID, &sent, &plain, NOW + 301), false),
        vector("from the future", "key", words(ID, &sent, &plain, NOW - 301), false),
        vector("replayed with a new time", "key", fresh, false),
        changed("another body", usual(&plain)),
        vector("the old way", "key", old_way(elements(&["key"])?), true),
        vector("the old way, whsec_", WHSEC, old_way(elements(&[WHSEC, "old"])?), true),
        vector("the old way, the old key", "old", old_way(elements(&[WHSEC, "old"])?), false),
        changed("the old way, another body", old_way(elements(&["key"])?)),
    ])
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verifying")
}

fn command(words: &[&str], out: &Path) -> Command {
    let out = out.display().to_string();
    let mut words = words.iter().map(|word| word.replace("OUT", &out));
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(examples()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether the language is on this machine.
async fn is_there(language: &Language, out: &Path) -> anyhow::Result<bool> {
    let running = command(language.version, out).output();
    match tokio::time::timeout(WITHIN, running).await? {
        Ok(output) => Ok(output.status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| language.name),
    }
}

async fn check(language: &Language, out: &Path) -> anyhow::Result<()> {
    if !language.compile.is_empty() {
        let output =
            tokio::time::timeout(WITHIN, command(language.compile, out).output()).await??;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{} is not compiled: {errors}", language.name);
    }
    for vector in vectors()? {
        let told = tokio::time::timeout(WITHIN, told(language, out, &vector)).await?;
        let expected = if vector.genuine { ("genuine", Some(0)) } else { ("refused", Some(1)) };
        let (said, errors, code) = told?;
        let told = (said.trim(), code);
        ensure!(told == expected, "{}, {}: {told:?} {errors}", language.name, vector.what);
    }
    Ok(())
}

/// What an example says, its errors, and its exit code.
async fn told(
    language: &Language,
    out: &Path,
    vector: &Vector,
) -> anyhow::Result<(String, String, Option<i32>)> {
    let mut command = command(language.run, out);
    command.args(&vector.words).env("SIGNATURE_KEY", vector.key).stdin(Stdio::piped());
    // Java reads its environment in the encoding of the locale.
    let mut running = command.env("LC_ALL", "C.UTF-8").spawn()?;
    let mut input = running.stdin.take().context("standard input")?;
    input.write_all(vector.body.as_bytes()).await?;
    drop(input);
    let output = running.wait_with_output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&output.stdout), text(&output.stderr), output.status.code()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_accept_what_is_ours_and_nothing_else() -> anyhow::Result<()> {
    let out = TempDir::new()?;
    let mut missing = Vec::new();
    for language in LANGUAGES {
        if is_there(&language, out.path()).await? {
            check(&language, out.path()).await?;
        } else if language.required {
            bail!(
                "{} is missing; install it, it runs an example of docs/verifying.md",
                language.name
            );
        } else {
            missing.push(language.name);
        }
    }
    if !missing.is_empty() {
        // Past the capture of the test, so that it is seen though the test has passed.
        let missing = missing.join(", ");
        writeln!(std::io::stderr(), "not on this machine, and so not run: verifying in {missing}")?;
    }
    Ok(())
}
