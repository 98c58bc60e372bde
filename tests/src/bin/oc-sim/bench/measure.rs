//! A process as `/proc` shows it, and waiting for polls.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use oc_tests::Server;

/// What a process had used at an instant.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    at: Instant,
    cpu: Duration,
}

/// What it used in between.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// What it cost to do something so often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// How often it was done.
    pub(crate) count: f64,
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of one core.
    pub(crate) cpu: f64,
    /// The most memory, in MB.
    pub(crate) peak: f64,
}

impl Cost {
    pub(super) fn new(count: f64, used: Used, server: &Server) -> anyhow::Result<Self> {
        let (wall, cpu) = (used.wall.as_secs_f64(), used.cpu.as_secs_f64());
        Ok(Self { count, wall, cpu, peak: memory(server)?.1 })
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count / self.wall
    }

    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.count / self.cpu
    }
}

impl Usage {
    pub(super) fn of(server: &Server) -> anyhow::Result<Self> {
        Self::of_process(pid(server)?)
    }

    /// Of any process.
    pub(crate) fn of_process(pid: u32) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name may hold blanks; what follows its bracket does not. Ticks are 10 ms.
        let rest = stat.rsplit_once(')').context("stat")?.1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Self { at: Instant::now(), cpu: Duration::from_millis(ticks * 10) })
    }

    pub(super) fn until_now(self, server: &Server) -> anyhow::Result<Used> {
        Ok(self.until(Self::of(server)?))
    }

    pub(crate) fn until(self, now: Self) -> Used {
        Used { wall: now.at - self.at, cpu: now.cpu.saturating_sub(self.cpu) }
    }
}

/// Resident memory in MB: now, and the most there ever was.
pub(super) fn memory(server: &Server) -> anyhow::Result<(f64, f64)> {
    memory_of(pid(server)?)
}

/// The same of any process.
pub(crate) fn memory_of(pid: u32) -> anyhow::Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
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

pub(crate) fn cores() -> usize {
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
