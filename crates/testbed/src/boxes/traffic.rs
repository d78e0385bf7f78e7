//! Traffic between pods and machines, by sockets that this process opens in their namespaces: echo servers, a stream of
//! datagrams, a stream of bytes, and a server that tells callers which address it sees.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::BoxError;
use super::space::within;

/// Between two datagrams: a hundred a second.
const BEAT: Duration = Duration::from_millis(10);
/// How long an answer may be away before its datagram counts as lost.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a thread that waits for packets looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// How long a connection may take, and how long it may be silent.
const CONNECT: Duration = Duration::from_secs(3);

/// A thread that ends when this is dropped.
#[derive(Debug)]
struct Worker<T> {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Worker<T> {
    fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Result<Self, BoxError> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("traffic".to_owned())
            .spawn(move || work(&told))
            .map_err(BoxError::kernel("start a thread"))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    fn end(&mut self) -> Option<T> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take()?.join() {
            Ok(result) => Some(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        // Whoever wants to know when it has ended calls `end`; the sockets close within one look.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Answers every datagram and every connection with what it got; to an empty line of a connection it tells the address
/// it sees.
#[derive(Debug)]
pub struct Echo {
    _datagrams: Worker<()>,
    _streams: Worker<()>,
    port: u16,
}

impl Echo {
    /// Serves on all addresses of a namespace, on one port for both protocols.
    pub fn start(network: &File, port: u16) -> Result<Self, BoxError> {
        let error = || BoxError::kernel::<io::Error>(format!("serve on port {port} in a box"));
        // Of both families: an IPv4 peer is seen as a mapped address.
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let (socket, listener) = within(network, || (UdpSocket::bind(any), TcpListener::bind(any)))?;
        let (socket, listener) = (socket.map_err(error())?, listener.map_err(error())?);
        socket.set_read_timeout(Some(LOOK)).map_err(error())?;
        listener.set_nonblocking(true).map_err(error())?;
        let port = listener.local_addr().map_err(error())?.port();
        Ok(Self {
            _datagrams: Worker::start(move |stop| answer_datagrams(&socket, stop))?,
            _streams: Worker::start(move |stop| answer_streams(&listener, stop))?,
            port,
        })
    }

    /// Where it serves.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn answer_datagrams(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 9000];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, peer)) = socket.recv_from(&mut buffer)
            && let Err(error) = socket.send_to(&buffer[..length], peer)
        {
            tracing::debug!(%error, %peer, "an answer was not sent");
        }
    }
}

fn answer_streams(listener: &TcpListener, stop: &AtomicBool) {
    thread::scope(|scope| {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, peer)) => drop(scope.spawn(move || answer_stream(stream, peer, stop))),
                Err(_) => thread::sleep(BEAT),
            }
        }
    });
}

fn answer_stream(mut stream: TcpStream, peer: SocketAddr, stop: &AtomicBool) {
    let served = || -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(LOOK))?;
        let mut buffer = [0; 4096];
        while !stop.load(Ordering::Relaxed) {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(1) if buffer[0] == b'\n' => {
                    writeln!(stream, "{}", peer.ip().to_canonical())?;
                }
                Ok(length) => stream.write_all(&buffer[..length])?,
                Err(error) if is_silence(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    let mut served = served;
    if let Err(error) = served() {
        tracing::debug!(%error, %peer, "a connection ended");
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Which address an echo server sees when somebody in a namespace connects to it.
pub fn seen_as(network: &File, server: SocketAddr) -> Result<IpAddr, BoxError> {
    let error = || BoxError::kernel::<io::Error>(format!("ask {server} from a box"));
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&server, CONNECT)?;
        stream.set_read_timeout(Some(CONNECT))?;
        stream.write_all(b"\n")?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while stream.read(&mut byte)? == 1 && byte[0] != b'\n' {
            answer.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = within(network, ask)?.map_err(error())?;
    answer.parse().map_err(|_| BoxError::Answer {
        program: "the echo server".to_owned(),
        reason: answer,
    })
}

/// What came of a stream of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagrams {
    /// How many were sent, of those whose answers had time to come.
    pub sent: u64,
    /// How many of them were not answered.
    pub lost: u64,
}

/// A hundred datagrams a second to an echo server.
#[derive(Debug)]
pub struct DatagramStream(Worker<io::Result<Datagrams>>);

impl DatagramStream {
    /// Starts it from a namespace.
    pub fn start(network: &File, server: SocketAddr) -> Result<Self, BoxError> {
        let error = || BoxError::kernel::<io::Error>(format!("send to {server} from a box"));
        let socket = within(network, || connected(server))?.map_err(error())?;
        Worker::start(move |stop| send_datagrams(&socket, stop)).map(Self)
    }

    /// Ends it, waits for the last answers and counts.
    pub fn stop(mut self) -> Result<Datagrams, BoxError> {
        let result = self.0.end().unwrap_or(Ok(Datagrams { sent: 0, lost: 0 }));
        result.map_err(BoxError::kernel("send datagrams"))
    }
}

fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

fn send_datagrams(socket: &UdpSocket, stop: &AtomicBool) -> io::Result<Datagrams> {
    let (mut sent, mut answered) = (0_u64, 0_u64);
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        // A path that is away for a moment refuses some sends: these are lost as well.
        if let Err(error) = socket.send(&sent.to_be_bytes()) {
            tracing::debug!(%error, "a datagram was not sent");
        }
        sent += 1;
        next += BEAT;
        answered += answers(socket, next)?;
    }
    let last = Instant::now() + ANSWER;
    while answered < sent && Instant::now() < last {
        answered += answers(socket, (Instant::now() + LOOK).min(last))?;
    }
    Ok(Datagrams {
        sent,
        lost: sent.saturating_sub(answered),
    })
}

/// Takes answers until a time.
fn answers(socket: &UdpSocket, until: Instant) -> io::Result<u64> {
    let mut buffer = [0; 16];
    let mut count = 0;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(count);
        }
        socket.set_read_timeout(Some(left))?;
        count += u64::from(socket.recv(&mut buffer).is_ok());
    }
}

/// What came of a stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes {
    /// How many came back.
    pub echoed: u64,
    /// How often the connection broke, or was silent for too long.
    pub resets: u64,
}

/// One connection to an echo server with something on it all the time; it is made anew when it breaks.
#[derive(Debug)]
pub struct ByteStream(Worker<Bytes>);

impl ByteStream {
    /// Connects from a namespace; an error where that fails.
    pub fn start(network: &File, server: SocketAddr) -> Result<Self, BoxError> {
        let error = || BoxError::kernel::<io::Error>(format!("connect to {server} from a box"));
        let first = within(network, || connection(server))?.map_err(error())?;
        let network = network.try_clone().map_err(error())?;
        Worker::start(move |stop| exchange(&network, server, first, stop)).map(Self)
    }

    /// Ends it and counts.
    pub fn stop(mut self) -> Bytes {
        self.0.end().unwrap_or(Bytes { echoed: 0, resets: 0 })
    }
}

fn connection(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, CONNECT)?;
    stream.set_read_timeout(Some(CONNECT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn exchange(network: &File, server: SocketAddr, first: TcpStream, stop: &AtomicBool) -> Bytes {
    let mut seen = Bytes { echoed: 0, resets: 0 };
    let mut stream = Some(first);
    while !stop.load(Ordering::Relaxed) {
        let turn = stream
            .as_mut()
            .map_or_else(|| Err(io::ErrorKind::NotConnected.into()), echo_once);
        match turn {
            Ok(count) => seen.echoed += count,
            Err(error) => {
                // A connection that could not be made again is not one more reset.
                seen.resets += u64::from(stream.is_some());
                tracing::debug!(%error, %server, "a connection broke");
                stream = within(network, || connection(server)).ok().and_then(Result::ok);
            }
        }
        thread::sleep(BEAT);
    }
    seen
}

fn echo_once(stream: &mut TcpStream) -> io::Result<u64> {
    let sent = [7; 1000];
    let mut back = [0; 1000];
    stream.write_all(&sent)?;
    stream.read_exact(&mut back)?;
    Ok(1000)
}
