//! The command `health` and what packages take from the program, against the real server.

use oc_tests::server::POSTGRES_KEY;
use oc_tests::{Options, Server};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_healthy_while_its_server_answers() -> anyhow::Result<()> {
    let (_salesloft, _receiver, mut server) = Server::house(Options::default()).await?;
    let listen = server.api.url().trim_start_matches("http://").to_owned();
    let there = [("OC_LISTEN", listen.as_str())];
    for command in [["health"].as_slice(), &["health", "--live"]] {
        let ran = server.run_with(command, &there).await?;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    }
    server.terminate().await?;
    let ran = server.run_with(&["health"], &there).await?;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&format!("no server answers at {listen}")), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_api_answers_for_its_health_and_metrics_alone() -> anyhow::Result<()> {
    let options = Options::default().role("poll,dispatch");
    let (_salesloft, _receiver, server) = Server::house(options).await?;
    let answer = server.api.get("//health/ready").await?;
    assert_eq!((answer.status, answer.text.as_str()), (200, "ready\n"));
    assert!(server.api.get("//metrics").await?.text.contains("oc_poll_lag_seconds"));
    for path in ["/instances", "//instances", "//ui/", "//docs"] {
        let refused = server.api.get(path).await?;
        assert_eq!(refused.status, 404, "{path}");
        let message = refused.body["message"].as_str().unwrap_or_default();
        assert!(message.contains("without the role `api`"), "{path}: {message}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_says_nothing_ends_when_it_is_told_to() -> anyhow::Result<()> {
    let (_salesloft, _receiver, mut server) = Server::house(Options::default()).await?;
    server.terminate().await?;
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let address = silent.local_addr()?;
    server.set("OC_DATABASE_URL", &format!("postgres://oc:oc@{address}/oc"));
    server.set("OC_SECRET_KEY", POSTGRES_KEY);
    let mut connection = None;
    let asked = async {
        connection = Some(silent.accept().await?);
        Ok(())
    };
    assert_eq!(server.terminate_at_start(asked).await?, Some(0), "{}", server.log());
    for told in [&format!("postgres://oc@{address}/oc"), "Stopped before it had started"] {
        assert!(server.log().contains(told), "{told}: {}", server.log());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_has_a_manual_page() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default().role("api")).await?;
    let ran = server.run(&["manual", "pages"]).await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let page = |name: &str| std::fs::read_to_string(server.folder().join("pages").join(name));
    assert!(page("oc-server.1")?.contains("oc\\-server\\-serve(1)"));
    assert!(page("oc-server-serve.1")?.contains("poll\\-concurrency"));
    assert!(page("oc-server-user-add.1")?.contains("Acme"));
    assert!(page("oc-server-manual.1").is_err(), "what is hidden has none");
    Ok(())
}
