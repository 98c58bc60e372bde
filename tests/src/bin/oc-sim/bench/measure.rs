//! A process as `/proc` shows it, and waiting for polls.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use oc_tests::Server;

/// What a process had used at an instant.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    at: Instant,
    cpu: Duration,
}

/// What it used in between.
#[derive(Clone, Copy)]
pub(super) struct Used {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

impl Usage {
    pub(super) fn of(server: &Server) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid(server)?))?;
        // The name may hold blanks; what follows its bracket does not. Ticks are 10 ms.
        let rest = stat.rsplit_once(')').context("stat")?.1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Self { at: Instant::now(), cpu: Duration::from_millis(ticks * 10) })
    }

    pub(super) fn until_now(self, server: &Server) -> anyhow::Result<Used> {
        let now = Self::of(server)?;
        Ok(Used { wall: now.at - self.at, cpu: now.cpu.saturating_sub(self.cpu) })
    }
}

/// Resident memory in MB: now, and the most there ever was.
pub(super) fn memory(server: &Server) -> anyhow::Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid(server)?))?;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).context("status")?;
        let kilobytes: f64 = line.split_whitespace().nth(1).context("status")?.parse()?;
        Ok(kilobytes / 1024.0)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

fn pid(server: &Server) -> anyhow::Result<u32> {
    server.pid().context("the server has ended")
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many polls an instance's first resource has completed.
pub(super) async fn polls(server: &Server, instance: i64) -> anyhow::Result<u64> {
    let path = format!("/instances/{instance}/event-poller-records");
    let row = server.api.get(&path).await?.body[0].clone();
    anyhow::ensure!(row["lastResult"]["result"] != "failed", "a poll failed: {row}");
    Ok(row["polls"].as_u64().unwrap_or(0))
}

/// Waits until so many polls are completed.
pub(super) async fn until_polls(server: &Server, instance: i64, wanted: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    while polls(server, instance).await? < wanted {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(300), "no poll within five minutes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
