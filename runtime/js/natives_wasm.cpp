// WebAssembly: modules from bytes, and the memories that are counted.
#include "runtime/js/errors.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/wasm_bytes.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

constexpr size_t kPageBytes = 65536;
/// Modules one worker may make from bytes: their code is in no heap.
constexpr size_t kModulesMax = 256;

/// wasmCompile(view): a module, or a text that says why not; V8's own CompileError is thrown.
void compile(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  WorkerImpl& worker = WorkerImpl::of(isolate);
  const auto refuse = [&](std::string_view why) { info.GetReturnValue().Set(text(isolate, why)); };
  if (worker.limits().profile == Profile::multi_tenant)
    return refuse(
        "bytes do not become code under the profile multi-tenant, as text does not: deploy the "
        "module with the function");
  if (worker.count_wasm_module() > kModulesMax) return refuse("too many modules");
  const Result<v8::Local<v8::WasmModuleObject>> module = worker.compile_wasm(bytes_of(info[0]));
  if (!module && module.error().code == Code::invalid) return refuse(module.error().detail);
  if (module) info.GetReturnValue().Set(*module);
}

/// wasmIsSupported(view): whether a valid module has no memory that is refused here
void is_supported(const Info& info) {
  info.GetReturnValue().Set(import_memories(bytes_of(info[0])).has_value());
}

/// wasmIsModule(value)
void is_module(const Info& info) { info.GetReturnValue().Set(info[0]->IsWasmModuleObject()); }

/// wasmPagesMax(): the most that one memory may have
void pages_max(const Info& info) {
  const size_t most = WorkerImpl::of(info.GetIsolate()).buffers().bytes_max() / kPageBytes;
  info.GetReturnValue().Set(static_cast<double>(most));
}

/// wasmMayHold(bytes): whether there is room, if need be once the garbage is collected, which is
/// charged to the call as all its time is. What is no length is for V8 to refuse.
void may_hold(const Info& info) {
  ArrayBuffers& buffers = WorkerImpl::of(info.GetIsolate()).buffers();
  const double bytes = info[0]->IsNumber() ? info[0].As<v8::Number>()->Value() : 0;
  const auto fits = [&] {
    return !(bytes > 0) || (bytes <= static_cast<double>(buffers.bytes_max()) &&
                            buffers.may_hold(static_cast<size_t>(bytes)));
  };
  if (!fits()) info.GetIsolate()->LowMemoryNotification();
  info.GetReturnValue().Set(fits());
}

/// wasmHold(memory)
void hold(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[0]->IsWasmMemoryObject()) return;
  WorkerImpl& worker = WorkerImpl::of(isolate);
  const auto store = info[0].As<v8::WasmMemoryObject>()->Buffer()->GetBackingStore();
  worker.watch_memory();
  if (worker.buffers().hold(store)) return;
  isolate->LowMemoryNotification();
  if (!worker.buffers().hold(store))
    throw_range_error(isolate, "WebAssembly.Memory(): too many memories");
}

constexpr Native kNatives[] = {{"wasmCompile", compile},    {"wasmIsSupported", is_supported},
                               {"wasmIsModule", is_module}, {"wasmPagesMax", pages_max},
                               {"wasmMayHold", may_hold},   {"wasmHold", hold}};

}  // namespace

std::span<const Native> wasm_natives() { return kNatives; }

Result<v8::Local<v8::WasmModuleObject>> WorkerImpl::compile_wasm(ByteView bytes) {
  THEMIS_TRY(const Bytes module, import_memories(bytes));
  v8::Local<v8::WasmModuleObject> compiled;
  if (!wasm_.compile(box_.get(), module).ToLocal(&compiled))
    return fail(Code::syntax, "V8 has thrown a CompileError");
  return compiled;
}

/// A Wasm function: the module's own code runs in calls only.
Status WorkerImpl::open_wasm(v8::Local<v8::Context> context, const bundle::Module& main) {
  v8::Isolate* isolate = box_.get();
  const std::string name = main.name.substr(0, main.name.rfind(".wasm"));
  v8::TryCatch caught(isolate);
  const Result<v8::Local<v8::WasmModuleObject>> module = compile_wasm(main.content);
  if (!module && caught.HasCaught())
    return fail(Code::syntax, name + ": " + describe_exception(context, caught.Exception()));
  if (!module) return fail(Code::syntax, name + ": " + module.error().detail);
  v8::Local<v8::Value> arguments[] = {*module, text(isolate, name)};
  v8::Local<v8::Value> handler;
  v8::Local<v8::Value> fetch;
  if (!isolate_->make_wasi.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 2, arguments)
           .ToLocal(&handler))
    return fail(Code::threw, caught.HasTerminated()
                                 ? "terminated"
                                 : describe_exception(context, caught.Exception()));
  if (handler->IsString())
    return fail(Code::invalid, name + ": " + to_utf8(isolate, handler.As<v8::String>()));
  const auto object = handler.As<v8::Object>();
  if (!object->Get(context, literal(isolate, "fetch")).ToLocal(&fetch))
    return fail(Code::threw, "terminated");
  fetch_.Reset(isolate, fetch.As<v8::Function>());
  handler_.Reset(isolate, object);
  return {};
}

/// Gives the global WebAssembly when it is first asked for.
void WorkerImpl::open_web_assembly(v8::Local<v8::Name>,
                                   const v8::PropertyCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  WorkerImpl& worker = of(isolate);
  v8::Local<v8::Value> raw = worker.isolate_->web_assembly.Get(isolate);
  v8::Local<v8::Value> ours;
  if (worker.isolate_->open_web_assembly.Get(isolate)
          ->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), 1, &raw)
          .ToLocal(&ours))
    info.GetReturnValue().Set(ours);
}

}  // namespace themis::js
