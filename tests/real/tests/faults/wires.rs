//! The faults themselves, the basis of the other scenarios.

use std::time::{Duration, Instant};

use anyhow::Result;
use cast_spot_real::{proxy::Fault, stack::Stack};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const SHORT: Duration = Duration::from_millis(700);

pub(crate) async fn every_fault_does_what_its_name_says(stack: &Stack) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let wire = stack.wire("echo", listener.local_addr()?.port()).await?;
    tokio::spawn(echo(listener));
    let mut old = connect(wire.port()).await?;
    assert!(round_trip(&mut old, 1).await? < SHORT);

    wire.fault(Fault::Latency(Duration::from_secs(1))).await?;
    assert!(round_trip(&mut old, 1).await? >= Duration::from_millis(950), "an open connection is slow, too");
    wire.heal().await?;
    assert!(round_trip(&mut old, 1).await.is_err(), "healing closes what was open");

    let mut old = connect(wire.port()).await?;
    assert!(round_trip(&mut old, 1).await? < SHORT);
    wire.fault(Fault::Hang).await?;
    let mut new = connect(wire.port()).await?;
    for stream in [&mut old, &mut new] {
        assert!(timeout(SHORT, round_trip(stream, 1)).await.is_err(), "neither an answer nor an end");
    }
    wire.heal().await?;
    assert!(timeout(SHORT, old.read_u8()).await?.is_err(), "no hanging connection stays");

    let mut old = connect(wire.port()).await?;
    assert!(round_trip(&mut old, 1).await? < SHORT);
    wire.fault(Fault::Reset).await?;
    let mut new = connect(wire.port()).await?;
    for stream in [&mut old, &mut new] {
        assert!(timeout(SHORT, round_trip(stream, 1)).await?.is_err(), "broken with the first byte");
    }
    wire.heal().await?;

    wire.fault(Fault::Bandwidth(20)).await?;
    let took = round_trip(&mut connect(wire.port()).await?, 40_000).await?;
    assert!((1500..3500).contains(&took.as_millis()), "40 KB at 20 KB a second take {took:?}");
    wire.heal().await?;

    wire.fault(Fault::Down).await?;
    assert!(connect(wire.port()).await.is_err());
    wire.heal().await?;
    assert!(round_trip(&mut connect(wire.port()).await?, 1).await? < SHORT);
    Ok(())
}

async fn connect(port: u16) -> Result<TcpStream> {
    Ok(TcpStream::connect(("127.0.0.1", port)).await?)
}

/// The time of a round trip with this number of bytes.
#[expect(clippy::disallowed_methods, reason = "a real wire is measured on the real clock")]
async fn round_trip(stream: &mut TcpStream, bytes: usize) -> Result<Duration> {
    let begun = Instant::now();
    let (there, mut back) = (vec![7; bytes], vec![0; bytes]);
    let (mut from, mut to) = stream.split();
    tokio::try_join!(to.write_all(&there), from.read_exact(&mut back))?;
    Ok(begun.elapsed())
}

async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
    }
}
