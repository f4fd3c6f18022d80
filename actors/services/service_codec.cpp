#include "actors/services/service_codec.hpp"

#include <algorithm>

#include "runtime/js/engine.hpp"

namespace themis {
namespace {

/// Before the name of a function whose actors are meant.
constexpr std::string_view kActorWord = "actor/";
constexpr std::string_view kCanaryWord = "canary/";

Result<CodeId> read_id(capnp::Data::Reader data) {
  const ByteView bytes = wire::bytes_of(data);
  CodeId id;
  if (bytes.size() != id.size()) return fail(Code::malformed, "a code's id has 32 bytes");
  std::ranges::copy(bytes, id.begin());
  return id;
}

Result<std::string> read_name(capnp::Text::Reader text) {
  const std::string_view name = wire::text_of(text);
  if (!is_function_name(name)) return fail(Code::malformed, "not a function's name");
  return std::string(name);
}

Status check_headers(capnp::List<schema::Header>::Reader headers) {
  if (headers.size() > kInvokeHeadersMax)
    return fail(Code::malformed, "a request of more than 128 headers");
  size_t bytes = 0;
  for (const schema::Header::Reader header : headers)
    bytes += header.getName().size() + header.getValue().size();
  if (bytes > kInvokeHeadBytesMax) return fail(Code::malformed, "headers of more than 32 KB");
  return {};
}

}  // namespace

AckMsg ack() { return wire::Builder<schema::Ack>(2).finish(); }

HostMsg encode_host(const HostedRow& row, TimePoint deadline) {
  wire::Builder<schema::Host> host;
  host->setName(wire::to_text(row.name));
  host->setCode(wire::to_data(row.version.id));
  host->setVersion(row.version.number);
  host->setSecretsKey(wire::to_data(row.key.view()));
  return host.finish(deadline);
}

Result<HostedRow> decode_host(const HostMsg& message) {
  return wire::decode(message, [](const schema::Host::Reader& host) -> Result<HostedRow> {
    HostedRow row;
    THEMIS_TRY(row.name, read_name(host.getName()));
    THEMIS_TRY(row.version.id, read_id(host.getCode()));
    row.version.number = host.getVersion();
    THEMIS_TRY(row.key, bundle::SharedKey::from(wire::bytes_of(host.getSecretsKey())));
    return row;
  });
}

UnhostMsg encode_unhost(const UnhostOrder& order, TimePoint deadline) {
  wire::Builder<schema::Unhost> unhost;
  const std::string_view word = order.of_actors   ? kActorWord
                                : order.of_canary ? kCanaryWord
                                                  : std::string_view();
  unhost->setName(wire::to_text(std::string(word) + order.name));
  return unhost.finish(deadline);
}

Result<UnhostOrder> decode_unhost(const UnhostMsg& message) {
  return wire::decode(message, [](const schema::Unhost::Reader& from) -> Result<UnhostOrder> {
    std::string_view name = wire::text_of(from.getName());
    UnhostOrder order{.of_actors = name.starts_with(kActorWord),
                      .of_canary = name.starts_with(kCanaryWord)};
    if (order.of_actors) name.remove_prefix(kActorWord.size());
    if (order.of_canary) name.remove_prefix(kCanaryWord.size());
    if (!is_function_name(name)) return fail(Code::malformed, "not a function's name");
    order.name = name;
    return order;
  });
}

LocateMsg encode_locate(const std::string& name, TimePoint deadline) {
  wire::Builder<schema::Locate> locate;
  locate->setName(wire::to_text(name));
  return locate.finish(deadline);
}

Result<std::string> decode_locate(const LocateMsg& message) {
  return wire::decode(
      message, [](const schema::Locate::Reader& locate) { return read_name(locate.getName()); });
}

LocatedMsg encode_located(const FunctionVersion& version) {
  wire::Builder<schema::Located> located;
  located->setVersion(version.number);
  located->setCode(wire::to_data(version.id));
  return located.finish();
}

Result<FunctionVersion> decode_located(const LocatedMsg& message) {
  return wire::decode(message,
                      [](const schema::Located::Reader& located) -> Result<FunctionVersion> {
                        FunctionVersion version;
                        version.number = located.getVersion();
                        THEMIS_TRY(version.id, read_id(located.getCode()));
                        return version;
                      });
}

FetchCodeMsg encode_fetch(const CodeId& id, TimePoint deadline) {
  wire::Builder<schema::FetchCode> fetch;
  fetch->setId(wire::to_data(id));
  return fetch.finish(deadline);
}

Result<CodeId> decode_fetch(const FetchCodeMsg& message) {
  return wire::decode(
      message, [](const schema::FetchCode::Reader& fetch) { return read_id(fetch.getId()); });
}

CodeBlobMsg encode_code(ByteView source) {
  wire::Builder<schema::CodeBlob> blob(source.size() / wire::Frame::kWordBytes + 8);
  blob->setSource(wire::to_data(source));
  return blob.finish();
}

Result<std::shared_ptr<const Bytes>> decode_code(const CodeBlobMsg& message, const CodeId& id) {
  return wire::decode(
      message, [&id](const schema::CodeBlob::Reader& blob) -> Result<std::shared_ptr<const Bytes>> {
        const ByteView source = wire::bytes_of(blob.getSource());
        if (source.size() > kSourceBytesMax)
          return fail(Code::too_large, "a function's code of more than 1 MB");
        if (crypto::blake2b(source) != id)
          return fail(Code::forged, "the code does not have the hash that was asked for");
        return std::make_shared<const Bytes>(source.begin(), source.end());
      });
}

namespace {

Status check_size(const schema::Invoke::Reader& invoke) {
  if (invoke.getMethod().size() > kInvokeHeadBytesMax ||
      invoke.getUrl().size() > kInvokeHeadBytesMax)
    return fail(Code::malformed, "a method or URL of more than 32 KB");
  if (invoke.getBody().size() > kInvokeBodyBytesMax)
    return fail(Code::malformed, "a body of more than 1 MB");
  return check_headers(invoke.getHeaders());
}

}  // namespace

Result<InvokeTarget> decode_target(const InvokeMsg& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<InvokeTarget> {
    InvokeTarget target;
    target.by_code = invoke.hasCode() && invoke.getCode().size() > 0;
    if (target.by_code) {
      THEMIS_TRY(target.id, read_id(invoke.getCode()));
    } else {
      THEMIS_TRY(target.function, read_name(invoke.getFunction()));
    }
    THEMIS_CHECK(check_size(invoke));
    target.method = wire::text_of(invoke.getMethod());
    if (invoke.getEvent() == static_cast<uint8_t>(js::Event::remote))
      target.method.insert(0, kRemoteMethods);
    target.is_actor = invoke.getActor().getClassName().size() > 0;
    return target;
  });
}

Result<ActorCall> decode_actor_call(const InvokeMsg& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<ActorCall> {
    ActorCall call;
    std::string_view name = wire::text_of(invoke.getFunction());
    if (name.starts_with(kActorWord)) name.remove_prefix(kActorWord.size());
    if (!is_function_name(name)) return fail(Code::malformed, "not a function's name");
    call.row.name = name;
    if (invoke.getCode().size() > 0) {
      THEMIS_TRY(call.row.version.id, read_id(invoke.getCode()));
    }
    const schema::Actor::Reader actor = invoke.getActor();
    call.row.version.number = actor.getVersion();
    if (const auto owner = from_hex(wire::text_of(invoke.getDeployer()));
        owner && owner->size() == call.row.owner.size())
      std::ranges::copy(*owner, call.row.owner.begin());
    THEMIS_TRY(call.row.key, bundle::SharedKey::from(wire::bytes_of(actor.getSecretsKey())));
    if (actor.getClassName().size() > bundle::kBindingNameBytesMax ||
        actor.getId().size() > bundle::kActorIdBytesMax)
      return fail(Code::too_large, "the name of an actor");
    call.actor = {std::string(wire::text_of(actor.getClassName())),
                  std::string(wire::text_of(actor.getId()))};
    THEMIS_CHECK(bundle::check(call.actor));
    THEMIS_CHECK(check_size(invoke));
    return call;
  });
}

InvokeMsg encode_actor_call(const InvokeMsg& message, const ActorCall& call) {
  constexpr size_t kMoreWords = 96;  // the actor's name, a version and a key
  const auto view = message.view();  // it has been decoded
  wire::Builder<schema::Invoke> to(message.frame()->words() + kMoreWords);
  to->setFunction(wire::to_text(call.row.name));
  to->setCode(wire::to_data(call.row.version.id));
  to->setMethod(view->getMethod());
  to->setUrl(view->getUrl());
  to->setHeaders(view->getHeaders());
  to->setBody(view->getBody());
  to->setEvent(view->getEvent());
  to->setDepth(view->getDepth());
  to->setDeployer(wire::to_text(deployer_text(call.row.owner)));
  schema::Actor::Builder actor = to->initActor();
  actor.setClassName(wire::to_text(call.actor.class_name));
  actor.setId(wire::to_text(call.actor.id));
  actor.setVersion(call.row.version.number);
  actor.setSecretsKey(wire::to_data(call.row.key.view()));
  return to.finish(message.frame()->deadline());
}

}  // namespace themis
