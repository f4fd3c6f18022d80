// Loading a function: compile the ES module, run its top level, find its fetch.
#include <algorithm>

#include "runtime/js/errors.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/utf8.hpp"
#include "runtime/js/wasm_bytes.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

/// The name in stack traces: `f` becomes `f.js`.
std::string file_name(std::string_view name) {
  const bool has_suffix = name.ends_with(".js") || name.ends_with(".mjs");
  return std::string(name) + (has_suffix ? "" : ".js");
}

Result<v8::Local<v8::Module>> compile(v8::Local<v8::Context> context, std::string_view source,
                                      const std::string& file) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::TryCatch caught(isolate);
  v8::Local<v8::String> code;
  if (!from_utf8(isolate, source).ToLocal(&code)) return fail(Code::too_large, file);
  v8::ScriptCompiler::Source unit(
      code, v8::ScriptOrigin(text(isolate, file), 0, 0, false, -1, {}, false, false, true));
  v8::Local<v8::Module> module;
  if (!v8::ScriptCompiler::CompileModule(isolate, &unit).ToLocal(&module))
    return fail(syntax_error(context, caught));
  const v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
  if (requests->Length() == 0) return module;
  const auto request = requests->Get(0).As<v8::ModuleRequest>();
  v8::Location at = module->SourceOffsetToLocation(request->GetSourceOffset());
  return fail(Code::syntax,
              cut_detail(file + ":" + std::to_string(at.GetLineNumber() + 1) + ":" +
                         std::to_string(at.GetColumnNumber() + 1) + ": cannot import '" +
                         to_utf8(isolate, request->GetSpecifier(), kErrorDetailMax) +
                         "': a function is one module, without imports"));
}

/// Never asked: a module with imports was refused.
v8::MaybeLocal<v8::Module> no_module(v8::Local<v8::Context>, v8::Local<v8::String>,
                                     v8::Local<v8::FixedArray>, v8::Local<v8::Module>) {
  return {};
}

/// Runs the top level to its end, a top-level await included.
Status evaluate(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                const std::string& file) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> outcome;
  if (!module->InstantiateModule(context, no_module).FromMaybe(false) ||
      !module->Evaluate(context).ToLocal(&outcome)) {
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

}  // namespace

Result<v8::Local<v8::Object>> WorkerImpl::run_module(v8::Local<v8::Context> context,
                                                     std::string_view source,
                                                     std::string_view name) {
  v8::Isolate* isolate = box_.get();
  const std::string file = file_name(name);
  THEMIS_TRY(const v8::Local<v8::Module> module, compile(context, source, file));
  THEMIS_CHECK(evaluate(context, module, file));
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> handler;
  v8::Local<v8::Value> fetch;
  if (module->GetStatus() != v8::Module::kEvaluated ||
      !module->GetModuleNamespace()
           .As<v8::Object>()
           ->Get(context, literal(isolate, "default"))
           .ToLocal(&handler) ||
      handler->IsUndefined())
    return fail(Code::invalid, file +
                                   ": no default export; a function is "
                                   "`export default { async fetch(request, env, ctx) {} }`");
  if (!handler->IsObject() ||
      !handler.As<v8::Object>()->Get(context, literal(isolate, "fetch")).ToLocal(&fetch) ||
      !fetch->IsFunction())
    return fail(Code::invalid, file + ": the default export has no fetch function");
  fetch_.Reset(isolate, fetch.As<v8::Function>());
  return handler.As<v8::Object>();
}

Status WorkerImpl::load(std::string_view source, std::string_view name) {
  if (source.size() > kSourceBytesMax)
    return fail(Code::too_large,
                "a source of " + std::to_string(source.size()) + " bytes; 1 MB is the limit");
  const bool wasm = is_wasm(as_bytes(source));
  if (!wasm && !is_utf8(as_bytes(source)))
    return fail(Code::syntax, file_name(name) + ": not UTF-8");
  Status status;
  const Duration budget = std::max(limits_.cpu, kLoadCpuMin);
  const Ended ended = turn(0, budget, [&](v8::Local<v8::Context> context) {
    Result<v8::Local<v8::Object>> handler =
        wasm ? open_wasm(context, as_bytes(source), std::string(name))
             : run_module(context, source, name);
    if (handler)
      handler_.Reset(box_.get(), *handler);
    else
      status = fail(handler.error());
  });
  if (ended == Ended::heap) return fail(Code::memory_exceeded, "while loading");
  if (ended == Ended::cpu)
    return fail(Code::cpu_exceeded, "over " + std::to_string(to_ms(budget)) + " ms while loading");
  return status;
}

}  // namespace themis::js
