// Loading a function: its env, its modules, and the handlers that its main module exports.
#include <algorithm>
#include <array>

#include "runtime/js/errors.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

/// Runs the top level to its end, a top-level await included.
Status evaluate(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                const std::string& file) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> outcome;
  if (!module->Evaluate(context).ToLocal(&outcome)) {
    if (caught.HasTerminated()) return {};  // the turn says why
    return fail(Code::threw, describe_exception(context, caught.Exception()));
  }
  isolate->PerformMicrotaskCheckpoint();
  if (isolate->IsExecutionTerminating() || caught.HasTerminated()) return {};
  const auto promise = outcome.As<v8::Promise>();
  promise->MarkAsHandled();
  if (promise->State() == v8::Promise::kRejected)
    return fail(Code::threw, describe_exception(context, promise->Result()));
  if (promise->State() == v8::Promise::kPending)
    return fail(Code::invalid, file + ": its top-level await never settles");
  return {};
}

/// The function `name` of an object; empty when it has none.
v8::Local<v8::Function> method_of(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
                                  v8::Local<v8::String> name) {
  v8::Local<v8::Value> value;
  if (!object->Get(context, name).ToLocal(&value) || !value->IsFunction()) return {};
  return value.As<v8::Function>();
}

/// The map of the main module is nobody's to import. Empty: there is none.
std::string take_map(bundle::Bundle& code) {
  const std::string name = code.main + std::string(bundle::kSourceMapEnding);
  const auto found = std::ranges::find(code.modules, name, &bundle::Module::name);
  if (found == code.modules.end()) return {};
  std::string map(as_text(found->content));
  code.modules.erase(found);
  return map;
}

}  // namespace

/// web.configure([kind, name, value, ...]) makes env; "shared", SharedArrayBuffer and Atomics among
/// them are globals. Errors: invalid (JSON that is none).
Status WorkerImpl::configure(v8::Local<v8::Context> context, const bundle::Settings& settings) {
  v8::Isolate* isolate = box_.get();
  const std::array<std::pair<const char*, const bundle::Settings::Texts*>, 7> kinds{
      {{"text", &settings.texts},
       {"text", &settings.secrets},
       {"json", &settings.json},
       {"fn/", &settings.functions},
       {"", &settings.services},
       {"queue/", &settings.queues},
       {"actor/", &settings.actors}}};
  std::vector<v8::Local<v8::Value>> parts;
  for (const auto& [kind, texts] : kinds)
    for (const auto& [name, value] : *texts)
      for (const std::string_view part :
           {std::string_view(kind), std::string_view(name), std::string_view(value)})
        parts.emplace_back(text(isolate, part));
  if (limits_.profile == Profile::trusted)
    parts.insert(parts.end(), {text(isolate, "shared"), isolate_->shared_array_buffer.Get(isolate),
                               isolate_->atomics.Get(isolate)});
  if (parts.empty()) return {};  // env is what the snapshot has
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> list = v8::Array::New(isolate, parts.data(), parts.size());
  if (isolate_->configure.Get(isolate)->Call(context, v8::Undefined(isolate), 1, &list).IsEmpty())
    return fail(Code::invalid, describe_exception(context, caught.Exception()));
  return {};
}

/// The default export, or what listens to events.
Status WorkerImpl::find_handlers(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                 const std::string& file, bool may_have_none) {
  v8::Isolate* isolate = box_.get();
  v8::TryCatch caught(isolate);
  const v8::Local<v8::Object> exports = module->GetModuleNamespace().As<v8::Object>();
  v8::Local<v8::Value> handler = v8::Undefined(isolate);
  if (exports->HasOwnProperty(context, literal(isolate, "default")).FromMaybe(false) &&
      !exports->Get(context, literal(isolate, "default")).ToLocal(&handler))
    return fail(Code::threw, describe_exception(context, caught.Exception()));
  // What module.exports of a main module says nothing about may listen as well.
  const bool may_listen = handler->IsUndefined() || module->IsSyntheticModule();
  v8::Local<v8::Value> listens = v8::Undefined(isolate);
  if (may_listen &&
      !isolate_->listeners.Get(isolate)->Call(context, listens, 0, nullptr).ToLocal(&listens))
    return fail(Code::threw, describe_exception(context, caught.Exception()));
  if (listens->IsObject()) handler = listens;
  if (handler->IsUndefined() && may_have_none) return {};
  if (handler->IsUndefined())
    return fail(Code::invalid, file +
                                   ": no default export and no listener; a function is "
                                   "`export default { async fetch(request, env, ctx) {} }` or "
                                   "addEventListener('fetch', ...)");
  if (handler->IsObject()) {
    const auto object = handler.As<v8::Object>();
    fetch_.Reset(isolate, method_of(context, object, literal(isolate, "fetch")));
    scheduled_.Reset(isolate, method_of(context, object, literal(isolate, "scheduled")));
    queue_.Reset(isolate, method_of(context, object, literal(isolate, "queue")));
    handler_.Reset(isolate, object);
  }
  if (fetch_.IsEmpty() && scheduled_.IsEmpty() && queue_.IsEmpty() && !may_have_none)
    return fail(Code::invalid,
                file + ": the default export has no fetch function (nor scheduled, nor queue)");
  return {};
}

/// A manifest that names events needs the handlers of them.
Status WorkerImpl::check_events(const bundle::Settings& settings, const std::string& file) const {
  if (!settings.crons.empty() && scheduled_.IsEmpty())
    return fail(Code::invalid, file +
                                   ": the manifest has cron lines, and nothing exports a "
                                   "function `scheduled`");
  if (!settings.consumers.empty() && queue_.IsEmpty())
    return fail(Code::invalid, file +
                                   ": the manifest consumes queues, and nothing exports a "
                                   "function `queue`");
  return {};
}

Status WorkerImpl::run_main(v8::Local<v8::Context> context, bundle::Bundle& code, ByteView cache,
                            const Actor* actor) {
  if (const bundle::Module* main = code.find(code.main);
      main != nullptr && main->kind == bundle::ModuleKind::wasm)
    return open_wasm(context, *main);
  graph_.emplace(box_.get(), box_.buffers(), std::move(code.modules));
  THEMIS_CHECK(configure(context, code.settings));
  THEMIS_TRY(const v8::Local<v8::Module> module,
             graph_->link(context, code.main, decode_code_cache(cache)));
  THEMIS_CHECK(evaluate(context, module, code.main));
  if (module->GetStatus() != v8::Module::kEvaluated)
    return fail(Code::invalid, code.main + ": its evaluation did not end");
  const v8::Local<v8::Object> exports = module->GetModuleNamespace().As<v8::Object>();
  if (actor != nullptr) return open_actor(context, exports, *actor);
  THEMIS_CHECK(find_handlers(context, module, code.main, !code.settings.remote.empty()));
  THEMIS_CHECK(remotes_.open(context, exports, code.settings.remote, code.main));
  THEMIS_CHECK(check_actors(context, exports, code.settings));
  return check_events(code.settings, code.main);
}

Bytes WorkerImpl::make_code_cache() {
  THEMIS_ASSERT(!in_turn_, "not while JavaScript runs");
  if (!graph_ || retired()) return {};
  const v8::Isolate::Scope isolate_scope(box_.get());
  const v8::HandleScope handles(box_.get());
  return graph_->make_cache();
}

Status WorkerImpl::load(bundle::Bundle code, ByteView code_cache, const Actor* actor) {
  is_actor_ = actor != nullptr;
  const std::string main = code.main;
  std::string map = take_map(code);
  Status status;
  const Duration budget = std::max(limits_.cpu, kLoadCpuMin);
  const Ended ended = turn(0, budget, [&](v8::Local<v8::Context> context) {
    stacks_.open(context, main, std::move(map));
    status = run_main(context, code, code_cache, actor);
  });
  if (ended == Ended::heap) return fail(Code::memory_exceeded, "while loading");
  if (ended == Ended::cpu)
    return fail(Code::cpu_exceeded, "over " + std::to_string(to_ms(budget)) + " ms while loading");
  if (!status && status.error().code == Code::syntax) {
    const v8::Isolate::Scope isolate_scope(box_.get());
    return fail(Code::syntax, stacks_.rewrite(status.error().detail, kErrorDetailMax));
  }
  return status;
}

}  // namespace themis::js
