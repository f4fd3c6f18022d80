#include "actors/worker/function_codec.hpp"

#include <algorithm>

#include "wire/message.hpp"

namespace themis {
namespace {

/// What a Load has besides source and code cache: name, key, limits.
constexpr size_t kLoadBytesMax = 16 << 10;
/// What one header costs in a message besides its text: two pointers and two NULs, padded.
constexpr size_t kHeaderWords = 4;

Result<js::Headers> read_headers(capnp::List<schema::Header>::Reader list) {
  if (list.size() > kHeadersMax) return fail(Code::too_large, "too many headers");
  js::Headers headers;
  headers.reserve(list.size());
  size_t bytes = 0;
  for (const schema::Header::Reader header : list) {
    bytes += header.getName().size() + header.getValue().size();
    if (bytes > kHeaderBytesMax) return fail(Code::too_large, "the headers are too long");
    headers.emplace_back(wire::text_of(header.getName()), wire::text_of(header.getValue()));
  }
  return headers;
}

Result<size_t> header_words(const js::Headers& headers) {
  if (headers.size() > kHeadersMax) return fail(Code::too_large, "there are too many headers");
  size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size();
  if (bytes > kHeaderBytesMax) return fail(Code::too_large, "the headers are too long");
  return headers.size() * kHeaderWords + bytes / 8;
}

void write_headers(const js::Headers& from, capnp::List<schema::Header>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setName(wire::to_text(from[i].first));
    to[i].setValue(wire::to_text(from[i].second));
  }
}

void write_actor(const bundle::ActorName& from, schema::Actor::Builder to) {
  to.setClassName(wire::to_text(from.class_name));
  to.setId(wire::to_text(from.id));
}

Result<CodeId> read_code_id(capnp::Data::Reader data) {
  CodeId id{};
  if (data.size() != id.size()) return fail(Code::malformed, "a code id has 32 bytes");
  std::ranges::copy(wire::bytes_of(data), id.begin());
  return id;
}

}  // namespace

Result<std::optional<bundle::ActorName>> read_actor(const schema::Actor::Reader& from) {
  if (from.getClassName().size() == 0) return std::nullopt;
  if (from.getClassName().size() > bundle::kBindingNameBytesMax ||
      from.getId().size() > bundle::kActorIdBytesMax)
    return fail(Code::too_large, "the name of an actor");
  bundle::ActorName name{std::string(wire::text_of(from.getClassName())),
                         std::string(wire::text_of(from.getId()))};
  THEMIS_CHECK(bundle::check(name));
  return name;
}

Result<js::Request> decode_invoke(const wire::Msg<schema::Invoke>& message,
                                  std::string_view deployer) {
  return wire::decode(message, [&](const schema::Invoke::Reader& invoke) -> Result<js::Request> {
    js::Request request;
    THEMIS_TRY(request.headers, read_headers(invoke.getHeaders()));
    request.method = wire::text_of(invoke.getMethod());
    request.url = wire::text_of(invoke.getUrl());
    request.name_space = wire::text_of(invoke.getFunction());
    if (invoke.getEvent() > static_cast<uint8_t>(js::Event::remote))
      return fail(Code::malformed, "an event of a kind that is not known");
    request.event = static_cast<js::Event>(invoke.getEvent());
    request.depth = invoke.getDepth();
    const ByteView body = wire::bytes_of(invoke.getBody());
    request.body.assign(body.begin(), body.end());
    request.flow = invoke.getFlow();
    request.socket = invoke.getSocket();
    request.deadline = message.frame()->deadline();
    request.is_own = !deployer.empty() && wire::text_of(invoke.getDeployer()) == deployer;
    return request;
  });
}

Result<uint64_t> flow_of(const wire::Msg<schema::Outcome>& message) {
  return wire::decode(message, [](const schema::Outcome::Reader& outcome) -> Result<uint64_t> {
    return outcome.getFlow();
  });
}

Result<wire::Msg<schema::Outcome>> pass_on(const wire::Msg<schema::Outcome>& message,
                                           const OutcomeChange& change) {
  return wire::decode(
      message, [&](const schema::Outcome::Reader& outcome) -> Result<wire::Msg<schema::Outcome>> {
        wire::Builder<schema::Outcome> copy(message.frame()->words() + 8);
        copy->setStatus(outcome.getStatus());
        copy->setHeaders(outcome.getHeaders());
        copy->setBody(outcome.getBody());
        copy->setCpuUs(outcome.getCpuUs());
        copy->setFlow(change.flow);
        copy->setRunning(change.load ? change.load->running : outcome.getRunning());
        copy->setMemoryPercent(change.load ? change.load->memory_percent
                                           : outcome.getMemoryPercent());
        return copy.finish();
      });
}

Result<wire::Msg<schema::Outcome>> encode_outcome(const js::Response& response,
                                                  const FunctionLoad& load) {
  if (response.body.size() > kResponseBodyBytesMax)
    return fail(Code::too_large, "the response's body is over 1 MB");
  THEMIS_TRY(const size_t words, header_words(response.headers));
  wire::Builder<schema::Outcome> outcome(16 + words + response.body.size() / 8);
  outcome->setStatus(response.status);
  outcome->setCpuUs(static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(response.cpu).count()));
  outcome->setBody(wire::to_data(response.body));
  outcome->setFlow(response.flow);
  outcome->setRunning(load.running);
  outcome->setMemoryPercent(load.memory_percent);
  write_headers(response.headers,
                outcome->initHeaders(static_cast<unsigned>(response.headers.size())));
  return outcome.finish();
}

namespace {

Result<wire::Msg<schema::Invoke>> encode_request(const Requester& from, const std::string& service,
                                                 const js::Request& request, TimePoint deadline) {
  if (service.size() + request.url.size() > kHeaderBytesMax ||
      request.body.size() > kResponseBodyBytesMax)
    return fail(Code::too_large, "the request is larger than can be sent");
  THEMIS_TRY(const size_t words, header_words(request.headers));
  wire::Builder<schema::Invoke> invoke(
      64 + words + (service.size() + request.url.size() + request.body.size()) / 8);
  invoke->setFunction(wire::to_text(service));
  if (service.empty()) invoke->setCode(wire::to_data(from.code));
  invoke->setMethod(wire::to_text(request.method));
  invoke->setUrl(wire::to_text(request.url));
  invoke->setBody(wire::to_data(request.body));
  invoke->setDepth(request.depth);
  invoke->setEvent(static_cast<uint8_t>(request.event));
  invoke->setFlow(request.flow);
  if (request.flow != 0) invoke->setSource(from.target);
  if (request.actor) write_actor(*request.actor, invoke->initActor());
  write_headers(request.headers,
                invoke->initHeaders(static_cast<unsigned>(request.headers.size())));
  return invoke.finish(deadline);
}

}  // namespace

Result<wire::Msg<schema::Invoke>> encode_invoke(const Requester& from, const std::string& service,
                                                const js::Request& request, TimePoint deadline) {
  if (service.empty()) return fail(Code::invalid, "a service has a name");
  return encode_request(from, service, request, deadline);
}

Result<wire::Msg<schema::Invoke>> encode_fetch(const Requester& from, const js::Request& request,
                                               TimePoint deadline) {
  return encode_request(from, {}, request, deadline);
}

Result<std::optional<CodeId>> fetching_code(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message,
                      [](const schema::Invoke::Reader& invoke) -> Result<std::optional<CodeId>> {
                        if (!invoke.hasCode() || invoke.getCode().size() == 0) return std::nullopt;
                        THEMIS_TRY(const CodeId id, read_code_id(invoke.getCode()));
                        return id;
                      });
}

Result<js::Response> decode_answer(const wire::Msg<schema::Outcome>& message) {
  return wire::decode(message, [](const schema::Outcome::Reader& outcome) -> Result<js::Response> {
    js::Response response;
    response.status = outcome.getStatus();
    if (response.status < 200 || response.status > 599)
      return fail(Code::malformed, "an answer with the status " + std::to_string(response.status));
    THEMIS_TRY(response.headers, read_headers(outcome.getHeaders()));
    const ByteView body = wire::bytes_of(outcome.getBody());
    if (body.size() > kResponseBodyBytesMax)
      return fail(Code::too_large, "the answer's body is over 1 MB");
    response.body.assign(body.begin(), body.end());
    response.flow = outcome.getFlow();
    return response;
  });
}

wire::Msg<schema::Load> encode_load(const InstallFunction& function, TimePoint deadline) {
  ByteView cache = function.code_cache ? ByteView(*function.code_cache) : ByteView();
  if (function.source->size() + cache.size() > wire::kMessageBytesMax - kLoadBytesMax) cache = {};
  wire::Builder<schema::Load> load(
      32 + (function.name.size() + function.source->size() + cache.size()) / 8);
  load->setName(wire::to_text(function.name));
  load->setCode(wire::to_data(function.id));
  load->setSource(wire::to_data(*function.source));
  schema::Limits::Builder limits = load->initLimits();
  limits.setMemoryMb(function.limits.memory_mb);
  limits.setCpuMs(function.limits.cpu_ms);
  limits.setWallMs(function.limits.wall_ms);
  load->setSecretsKey(wire::to_data(function.key.view()));
  load->setCodeCache(wire::to_data(cache));
  if (function.actor) write_actor(*function.actor, load->initActor());
  load->setDeployer(wire::to_text(function.deployer));
  return load.finish(deadline);
}

Result<LoadRequest> decode_load(const wire::Msg<schema::Load>& message) {
  return wire::decode(message, [](const schema::Load::Reader& load) -> Result<LoadRequest> {
    LoadRequest request;
    THEMIS_TRY(request.id, read_code_id(load.getCode()));
    request.name = wire::text_of(load.getName());
    request.source = as_text(wire::bytes_of(load.getSource()));
    const schema::Limits::Reader limits = load.getLimits();
    request.limits = {limits.getMemoryMb(), limits.getCpuMs(), limits.getWallMs()};
    THEMIS_TRY(request.key, bundle::SharedKey::from(wire::bytes_of(load.getSecretsKey())));
    const ByteView cache = wire::bytes_of(load.getCodeCache());
    request.code_cache.assign(cache.begin(), cache.end());
    THEMIS_TRY(request.actor, read_actor(load.getActor()));
    request.deployer = wire::text_of(load.getDeployer());
    return request;
  });
}

wire::Msg<schema::CodeCache> encode_code_cache(const CodeId& id, ByteView cache) {
  wire::Builder<schema::CodeCache> made(16 + cache.size() / 8);
  made->setCode(wire::to_data(id));
  made->setCache(wire::to_data(cache));
  return made.finish();
}

Result<KeepCodeCache> decode_code_cache(const wire::Msg<schema::CodeCache>& message) {
  return wire::decode(message, [](const schema::CodeCache::Reader& made) -> Result<KeepCodeCache> {
    THEMIS_TRY(const CodeId id, read_code_id(made.getCode()));
    const ByteView cache = wire::bytes_of(made.getCache());
    if (cache.empty() || cache.size() > js::kCodeCacheBytesMax)
      return fail(Code::too_large, "a code cache has 1 byte to 1.5 MB");
    return KeepCodeCache{id, std::make_shared<const Bytes>(cache.begin(), cache.end())};
  });
}

wire::Msg<schema::Unload> encode_unload(const CodeId& id) {
  wire::Builder<schema::Unload> unload(8);
  unload->setCode(wire::to_data(id));
  return unload.finish();
}

Result<CodeId> decode_unload(const wire::Msg<schema::Unload>& message) {
  return wire::decode(message, [](const schema::Unload::Reader& unload) -> Result<CodeId> {
    return read_code_id(unload.getCode());
  });
}

HostMeasuredMsg encode_host_measured(const std::vector<IsolateMemory>& isolates) {
  constexpr size_t kIsolateWords = 8;
  wire::Builder<schema::HostMeasured> to(8 + isolates.size() * kIsolateWords);
  auto list = to->initIsolates(static_cast<unsigned>(isolates.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setCode(wire::to_data(isolates[i].id));
    list[i].setMemoryKb(isolates[i].memory_kb);
  }
  return to.finish();
}

Result<std::vector<IsolateMemory>> decode_host_measured(const HostMeasuredMsg& message) {
  using Isolates = std::vector<IsolateMemory>;
  return wire::decode(message, [](const schema::HostMeasured::Reader& from) -> Result<Isolates> {
    if (from.getIsolates().size() > kMeasuredIsolatesMax)
      return fail(Code::malformed, "the memory of more isolates than a process has");
    Isolates isolates;
    isolates.reserve(from.getIsolates().size());
    for (const schema::HostMeasured::Isolate::Reader one : from.getIsolates()) {
      THEMIS_TRY(const CodeId id, read_code_id(one.getCode()));
      isolates.push_back({id, one.getMemoryKb()});
    }
    return isolates;
  });
}

js::Limits engine_limits(const FunctionLimits& limits) {
  js::Limits out;
  out.heap_bytes = size_t{limits.memory_mb} << 20;
  out.buffer_bytes = out.heap_bytes / 2;
  out.cpu = std::chrono::milliseconds(limits.cpu_ms);
  out.wall = std::chrono::milliseconds(limits.wall_ms);
  out.response_bytes = kResponseBodyBytesMax;
  return out;
}

}  // namespace themis
