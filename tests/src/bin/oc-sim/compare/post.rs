//! The limit of deliveries: a client that sends the same bytes again and again.
#![expect(clippy::print_stdout, reason = "its figures go to whoever has started it")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::bench::measure::{Cost, Usage, memory_of};

const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Args)]
pub(crate) struct Options {
    /// The receiver
    url: axum::http::Uri,
    /// How many requests
    count: u32,
    /// How many bytes each has
    bytes: usize,
    /// How many are under way at a time
    at_a_time: usize,
}

/// Starts one, in a process of its own, as the CPU time of one process is measured.
pub(super) async fn cost(
    port: u16,
    count: f64,
    bytes: usize,
    at_a_time: usize,
) -> anyhow::Result<Cost> {
    let url = format!("http://127.0.0.1:{port}/hook");
    let mut command = Command::new(std::env::current_exe()?);
    let numbers = [format!("{count:.0}"), bytes.to_string(), at_a_time.to_string()];
    command.args(["post", &url]).args(numbers).kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.stderr(Stdio::inherit()).output()).await;
    let output = ended.context("the bare client does not end")??;
    ensure!(output.status.success(), "the bare client ended with {}", output.status);
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| told[name].as_f64().with_context(|| format!("no {name}"));
    Ok(Cost { count, wall: number("wall")?, cpu: number("cpu")?, peak: number("peak")? })
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let client =
        Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(HttpConnector::new());
    let (body, begun) = (Bytes::from(vec![b'x'; options.bytes]), Arc::new(AtomicU32::new(0)));
    let before = Usage::of_process(std::process::id())?;
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..options.at_a_time {
        let (client, url, body) = (client.clone(), options.url.clone(), body.clone());
        let (begun, count) = (Arc::clone(&begun), options.count);
        senders.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < count {
                let request =
                    axum::http::Request::post(url.clone()).body(Full::new(body.clone()))?;
                let answer = client.request(request).await?;
                ensure!(answer.status().is_success(), "{}", answer.status());
                answer.into_body().collect().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    let used = before.until(Usage::of_process(std::process::id())?);
    let peak = memory_of(std::process::id())?.1;
    let wall = began.elapsed().as_secs_f64();
    println!("{}", json!({"wall": wall, "cpu": used.cpu.as_secs_f64(), "peak": peak}));
    Ok(())
}
