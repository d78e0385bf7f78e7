//! The server: connections, and one request through faults, world and counts. The world is locked for the effect of a
//! request alone, never across an await, so requests are linearisable and none can starve another.

use crate::calls::{CallCount, Outcome};
use crate::control;
use crate::error::{ApiError, Code};
use crate::faults::{Disconnect, Rule};
use crate::service::{Call, Request, Service};
use crate::state::{Answer, Options, StartError, State};
use crate::wire::xml;
use crate::world::World;
use crate::{autoscaling, ec2, eks, iam, quotas, ssm, sts};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// More than any request of these APIs is long; user data may have 16 KiB.
const MAX_BODY: usize = 1 << 20;

/// Without it a process that has no file descriptors left would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running sandbox. Dropping it ends it at once; `shutdown` lets the requests in flight end.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    state: Arc<State>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Starts a sandbox with an empty world.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let wanted = options.listen;
        let listen = |source| StartError::Listen {
            address: wanted,
            source,
        };
        let state = Arc::new(State::new(options)?);
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&state), stop.clone()));
        Ok(Self {
            address,
            state,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, for direct reading.
    pub fn world(&self) -> WorldHandle {
        WorldHandle(Arc::clone(&self.state))
    }

    /// What was called so far.
    pub fn calls(&self) -> Vec<CallCount> {
        self.state.counts()
    }

    /// Adds a fault; the error says what is wrong with the rule.
    pub fn add_fault(&self, rule: Rule) -> Result<(), String> {
        self.state.faults().add(rule)
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Ends it, after the requests in flight.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The world of a running sandbox.
#[derive(Debug, Clone)]
pub struct WorldHandle(Arc<State>);

impl WorldHandle {
    /// Reads the world; no request is served meanwhile.
    pub fn read<R>(&self, read: impl FnOnce(&World) -> R) -> R {
        read(&self.0.world())
    }

    /// Changes the world by its own rules, as requests do, but without a client: to set a scene.
    pub fn write<R>(&self, write: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.0.world();
        world.settle(self.0.clock().now());
        let result = write(&mut world);
        world.rest();
        result
    }

    /// What does not hold, in words.
    pub fn violations(&self) -> Vec<String> {
        self.read(World::violations)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&state), stop.clone()));
                }
                // Out of file descriptors, or a peer that left: the others are served on.
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection ended by a bug of the sandbox");
                }
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(stream: TcpStream, state: Arc<State>, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set TCP_NODELAY");
    }
    let service = service_fn(move |request| handle(Arc::clone(&state), request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// Ends the connection without an answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("a fault cut the connection")]
    Cut,
}

async fn handle(state: Arc<State>, request: http::Request<Incoming>) -> Result<Answer, NoAnswer> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(answer);
    };
    let body = body.to_bytes();
    if parts.uri.path().starts_with(control::PREFIX) {
        return Ok(control::serve(&state, &parts, &body));
    }
    let call = Call::read(&parts, &body);
    let name = (call.service, call.action.clone());
    let met = state.faults().meet(call.service.as_str(), &call.action);
    if !met.delay.is_zero() {
        tokio::time::sleep(met.delay).await;
    }
    if met.drop == Some(Disconnect::Before) {
        state.record(&name, Outcome::Dropped);
        return Err(NoAnswer::Cut);
    }
    let request_id = state.request_id();
    let result = match met.error {
        Some(error) => Err(error),
        None => run(&state, call, &request_id),
    };
    if met.drop == Some(Disconnect::After) {
        state.record(&name, Outcome::Dropped);
        return Err(NoAnswer::Cut);
    }
    let outcome = match &result {
        Ok(_) => Outcome::Ok,
        Err(error) => Outcome::Refused(error.code().to_owned()),
    };
    state.record(&name, outcome);
    Ok(render(name.0, result, &request_id))
}

/// The effect on the world; gives the body of the answer.
fn run(state: &State, call: Call, request_id: &str) -> Result<String, ApiError> {
    let mut world = state.world();
    world.settle(state.clock().now());
    world.caller = call.caller;
    let result = match (call.service, call.request) {
        (Service::Ec2, Request::Query(params)) => ec2::serve(&call.action, params, &mut world)
            .map(|body| xml::ec2_response(&call.action, request_id, body)),
        (Service::AutoScaling, Request::Query(params)) => {
            autoscaling::SERVICE.serve(&call.action, params, request_id, &mut world)
        }
        (Service::Sts, Request::Query(params)) => {
            sts::SERVICE.serve(&call.action, params, request_id, &mut world)
        }
        (Service::Iam, Request::Query(params)) => {
            iam::SERVICE.serve(&call.action, params, request_id, &mut world)
        }
        (Service::Eks, Request::Rest(route)) => eks::serve(&route, &mut world).map(|value| value.to_string()),
        (Service::Ssm, Request::Json(body)) => ssm::SERVICE
            .serve(&call.action, &body, &mut world)
            .map(|value| value.to_string()),
        (Service::Quotas, Request::Json(body)) => quotas::SERVICE
            .serve(&call.action, &body, &mut world)
            .map(|value| value.to_string()),
        (service, _) => Err(ApiError::new(
            Code::InvalidAction,
            format!(
                "The sandbox does not model the service of {} ({})",
                call.action,
                service.as_str()
            ),
        )),
    };
    // What takes no time has happened when the next request comes.
    world.rest();
    result
}

fn render(service: Service, result: Result<String, ApiError>, request_id: &str) -> Answer {
    let json = matches!(service, Service::Eks | Service::Ssm | Service::Quotas);
    let content_type = match service {
        Service::Eks => "application/json",
        Service::Ssm | Service::Quotas => "application/x-amz-json-1.1",
        _ => "text/xml;charset=UTF-8",
    };
    let (status, text, error_code) = match result {
        Ok(text) => (StatusCode::OK, text, None),
        Err(error) => {
            let (code, message) = (error.code(), error.message());
            let text = match service {
                Service::Ec2 => xml::ec2_error(code, message, request_id),
                _ if json => error.json(),
                _ => xml::query_error(code, message, error.status().is_client_error(), request_id),
            };
            (error.status(), text, Some(code.to_owned()))
        }
    };
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    if let Some(Ok(value)) = error_code
        .filter(|_| json)
        .map(|code| HeaderValue::from_str(&code))
    {
        headers.insert("x-amzn-errortype", value);
    }
    answer
}
