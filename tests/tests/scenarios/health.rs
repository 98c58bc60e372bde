//! The command `health` and what packages take from the program, against the real server.

use oc_tests::{Options, Server};

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
