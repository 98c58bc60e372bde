//! A process that does not outlive whoever has started it, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::until;

/// Starts `$@` with its output in `$0`, tells its process id, and ends as it does. When standard
/// input is closed, which happens at the latest when our own process is gone, it ends at once: `QUIT`
/// takes PostgreSQL's own processes along, and NATS does not handle it.
const GUARD: &str = r#"
exec 3<&0 2>/dev/null
"$@" >>"$0" 2>&1 </dev/null &
server=$!
(read -r _ <&3; kill -QUIT $server) &
guard=$!
echo $server
wait $server
code=$?
kill $guard
exit $code
"#;

/// A server and the shell that guards it.
pub(super) struct Guarded {
    shell: Child,
    server: Pid,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program, as another user where one is given and we are root.
    pub(super) fn start<W: AsRef<OsStr>>(
        user: Option<&str>,
        log: &Path,
        program: &Path,
        words: impl IntoIterator<Item = W>,
    ) -> anyhow::Result<Self> {
        let mut command = as_user(user, "sh");
        command.args(["-c", GUARD]).arg(log).arg(program).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().context("a shell cannot be started")?;
        let mut line = String::new();
        let stdout = shell.stdout.take().context("the shell has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let server = line.trim().parse().ok().and_then(Pid::from_raw);
        let server = server.with_context(|| format!("{} has no id", program.display()))?;
        Ok(Self { shell, server, log: log.to_owned() })
    }

    /// Fails, with its log, when it has ended by itself.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.shell.try_wait()? {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            bail!("the server has ended with {status}:\n{log}");
        }
        Ok(())
    }

    /// Ends it by a signal, and waits until it is gone.
    pub(super) async fn end(mut self, signal: Signal) -> anyhow::Result<()> {
        self.check()?;
        kill_process(self.server, signal)?;
        until("the end of a server", async || Ok(self.shell.try_wait()?.is_some())).await
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            // It may end by itself at this moment; the shell is gone then as well.
            let _ = kill_process(self.server, Signal::QUIT);
            let _ = self.shell.wait();
        }
    }
}

/// A command of another user where one is given.
pub(super) fn as_user(user: Option<&str>, program: impl AsRef<OsStr>) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", "nogroup", "--clear-groups"]).arg(program);
    command
}
