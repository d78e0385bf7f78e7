//! IMDSv2: one loopback listener an instance, started when somebody asks for it. A prefix in the path would not do:
//! several SDKs replace the path of `AWS_EC2_METADATA_SERVICE_ENDPOINT` by their own.

use crate::body::{Answer, with_type};
use crate::calls::Outcome;
use crate::imds::{TTL, lock, tree};
use crate::listen::{self, NoAnswer};
use crate::state::State;
use crate::world::{Caller, InstanceState, MetadataOptions};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use vpccni_core::ids::InstanceId;

const TOKEN_PATH: &str = "/latest/api/token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// What the service is called in the books.
const SERVICE: &str = "imds";

/// Where the service of an instance is for clients so many hops away; it is started by the first who asks.
pub(crate) async fn start(state: &Arc<State>, id: &InstanceId, hops: u32) -> io::Result<SocketAddr> {
    let key = (id.clone(), hops);
    let endpoints = state.endpoints();
    let mut running = endpoints.running.lock().await;
    if let Some(address) = running.get(&key) {
        return Ok(*address);
    }
    let listener = TcpListener::bind((state.options().listen.ip(), 0)).await?;
    let address = listener.local_addr()?;
    let (served, id) = (Arc::clone(state), id.clone());
    let task = listen::accept(listener, state.stop().clone(), move |request| {
        handle(Arc::clone(&served), id.clone(), hops, request)
    });
    lock(&endpoints.tasks).spawn(task);
    running.insert(key, address);
    Ok(address)
}

async fn handle(
    state: Arc<State>,
    id: InstanceId,
    hops: u32,
    request: http::Request<Incoming>,
) -> Result<Answer, NoAnswer> {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path();
    let wants_token = path == TOKEN_PATH;
    let action = if wants_token { "Token" } else { "Get" };
    let book = |outcome| {
        let caller = Caller {
            instance: Some(id.clone()),
            ..Caller::default()
        };
        state.record(SERVICE, action, &caller, outcome, None);
    };
    let options = state.turn(|world| {
        world
            .instances
            .get(&id)
            .filter(|instance| instance.state != InstanceState::Terminated)
            .map(|instance| instance.metadata)
    });
    let result = match options {
        // Nobody is there any more to answer.
        None => Err(StatusCode::NOT_FOUND),
        Some(options) if !options.enabled => Err(StatusCode::FORBIDDEN),
        Some(options) if wants_token && hops > options.hop_limit => {
            // The packets of the answer die on their way: the client waits until it gives up.
            book(Outcome::Dropped);
            state.stop().cancelled().await;
            return Err(NoAnswer::Cut);
        }
        Some(_) if wants_token => give_token(&state, &id, &parts.method, &parts.headers),
        Some(options) if parts.method == Method::GET => read(&state, &id, options, &parts.headers, path),
        Some(_) => Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    book(match &result {
        Ok(_) => Outcome::Ok,
        Err(status) => Outcome::Refused(status.as_u16().to_string()),
    });
    Ok(result.unwrap_or_else(refused))
}

fn give_token(
    state: &State,
    id: &InstanceId,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Answer, StatusCode> {
    if method != Method::PUT {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    // What came through a proxy is not from the instance itself.
    if headers.contains_key("x-forwarded-for") {
        return Err(StatusCode::FORBIDDEN);
    }
    let asked = headers.get(TTL_HEADER).and_then(|ttl| ttl.to_str().ok());
    let seconds = asked
        .and_then(|ttl| ttl.parse::<u64>().ok())
        .filter(|seconds| TTL.contains(seconds))
        .ok_or(StatusCode::BAD_REQUEST)?;
    let token = state.endpoints().tokens().give(id, seconds, state.clock().now());
    let mut answer = text(token);
    answer
        .headers_mut()
        .insert(TTL_HEADER, HeaderValue::from(seconds));
    Ok(answer)
}

fn read(
    state: &State,
    id: &InstanceId,
    options: MetadataOptions,
    headers: &HeaderMap,
    path: &str,
) -> Result<Answer, StatusCode> {
    match headers.get(TOKEN_HEADER).map(|token| token.to_str()) {
        Some(token) => {
            let token = token.map_err(|_| StatusCode::UNAUTHORIZED)?;
            if !state.endpoints().tokens().is_good(id, token, state.clock().now()) {
                return Err(StatusCode::UNAUTHORIZED);
            }
        }
        None if options.tokens_required => return Err(StatusCode::UNAUTHORIZED),
        None => {}
    }
    let leaves = state.turn(|world| {
        let known = world.metadata_interfaces(id);
        let shown = state.endpoints().shown(id, known, world.now());
        tree::leaves(world, id, &shown)
    });
    tree::find(&leaves, path).map(text).ok_or(StatusCode::NOT_FOUND)
}

fn text(text: String) -> Answer {
    page(StatusCode::OK, text, "text/plain")
}

fn refused(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or("Error");
    let title = format!("{} - {reason}", status.as_u16());
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>{title}</title></head>\
         <body><h1>{title}</h1></body></html>\n"
    );
    page(status, text, "text/html")
}

fn page(status: StatusCode, text: String, content_type: &'static str) -> Answer {
    let mut answer = with_type(status, text, content_type);
    let server = HeaderValue::from_static("EC2ws");
    answer.headers_mut().insert(header::SERVER, server);
    answer
}
