#include "runtime/js/modules.hpp"

#include <array>

#include "runtime/base/utf8.hpp"
#include "runtime/js/errors.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using bundle::ModuleKind;

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

/// `specifier` as seen from the folder of `from`; empty when it leads out of the bundle.
std::string join_path(std::string_view from, std::string_view specifier) {
  const size_t slash = from.rfind('/');
  std::string folder(slash == std::string_view::npos ? "" : from.substr(0, slash + 1));
  while (true) {
    if (specifier.starts_with("./")) {
      specifier.remove_prefix(2);
    } else if (specifier.starts_with("../")) {
      if (folder.empty()) return "";
      folder.pop_back();
      const size_t up = folder.rfind('/');
      folder.resize(up == std::string::npos ? 0 : up + 1);
      specifier.remove_prefix(3);
    } else {
      return folder + std::string(specifier);
    }
  }
}

/// `with { type: ... }` has to fit. Each attribute is key, value and maybe a source offset.
Status check_attributes(v8::Local<v8::FixedArray> attributes, ModuleKind kind, int stride) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  for (int i = 0; i + 1 < attributes->Length(); i += stride) {
    const auto at = [&](int index) {
      return to_utf8(isolate, attributes->Get(index).As<v8::String>(), kErrorDetailMax);
    };
    const std::string type = at(i + 1);
    const bool fits = at(i) == "type" && ((type == "json" && kind == ModuleKind::json) ||
                                          (type == "text" && kind == ModuleKind::text) ||
                                          (type == "bytes" && kind == ModuleKind::data));
    if (!fits) return fail(Code::syntax, "it is not of the type " + quoted(type));
  }
  return {};
}

constexpr int kStaticStride = 3;   // key, value, source offset
constexpr int kDynamicStride = 2;  // key, value

v8::Local<v8::Value> exception_of(const Error& error) {
  return v8::Exception::Error(text(v8::Isolate::GetCurrent(), error.detail));
}
void throw_error(const Error& error) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  isolate->ThrowException(error.code == Code::syntax
                              ? v8::Exception::SyntaxError(text(isolate, error.detail))
                              : exception_of(error));
}

}  // namespace

Modules::Modules(v8::Isolate* isolate, ArrayBuffers& buffers, std::vector<bundle::Module> modules)
    : isolate_(isolate), buffers_(buffers) {
  for (bundle::Module& module : modules) {
    std::string name = module.name;
    entries_[std::move(name)].source = std::move(module);
  }
  isolate->SetHostImportModuleDynamicallyCallback(import);
  isolate->SetHostInitializeImportMetaObjectCallback(describe);
}

Modules& Modules::of(v8::Isolate* isolate) { return WorkerImpl::of(isolate).graph(); }

Modules::Entry* Modules::find(std::string_view name) {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<Modules::Entry*> Modules::target_of(std::string_view from, std::string_view specifier) {
  const bool is_path = specifier.starts_with("./") || specifier.starts_with("../");
  const std::string name = is_path ? join_path(from, specifier) : std::string(specifier);
  Entry* entry = find(name);
  if (entry != nullptr) return entry;
  return fail(Code::syntax, "cannot import " + quoted(specifier) + ": " +
                                (name.empty() ? "it leads out of the bundle"
                                              : "the bundle has no module " + quoted(name)));
}

Status Modules::compile_es(v8::Local<v8::Context> context, Entry& entry) {
  v8::TryCatch caught(isolate_);
  const std::string_view source = as_text(entry.source.content);
  if (!is_utf8(entry.source.content)) return fail(Code::syntax, entry.source.name + ": not UTF-8");
  v8::Local<v8::String> code;
  if (!from_utf8(isolate_, source).ToLocal(&code)) return fail(Code::too_large, entry.source.name);
  v8::ScriptCompiler::Source unit(code, v8::ScriptOrigin(text(isolate_, entry.source.name), 0, 0,
                                                         false, -1, {}, false, false, true));
  v8::Local<v8::Module> module;
  if (!v8::ScriptCompiler::CompileModule(isolate_, &unit).ToLocal(&module))
    return fail(syntax_error(context, caught));
  entry.module.Reset(isolate_, module);
  return {};
}

Status Modules::compile(v8::Local<v8::Context> context, Entry& entry) {
  if (entry.source.kind == ModuleKind::es) return compile_es(context, entry);
  const std::array<v8::Local<v8::String>, 1> exports{literal(isolate_, "default")};
  entry.module.Reset(isolate_, v8::Module::CreateSyntheticModule(
                                   isolate_, text(isolate_, entry.source.name),
                                   {exports.data(), exports.size()}, evaluate_synthetic));
  return {};
}

Status Modules::compile_imports(v8::Local<v8::Context> context, Entry& entry,
                                std::vector<Entry*>& compiled) {
  const v8::Local<v8::Module> module = entry.module.Get(isolate_);
  const v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
  for (int i = 0; i < requests->Length(); ++i) {
    const auto request = requests->Get(i).As<v8::ModuleRequest>();
    const std::string specifier = to_utf8(isolate_, request->GetSpecifier(), kErrorDetailMax);
    const auto place = [&](const Error& error) {
      v8::Location at = module->SourceOffsetToLocation(request->GetSourceOffset());
      return fail(Code::syntax,
                  cut_detail(entry.source.name + ":" + std::to_string(at.GetLineNumber() + 1) +
                             ":" + std::to_string(at.GetColumnNumber() + 1) + ": " + error.detail));
    };
    const Result<Entry*> target = target_of(entry.source.name, specifier);
    if (!target) return place(target.error());
    if (const Status fits =
            check_attributes(request->GetImportAttributes(), (*target)->source.kind, kStaticStride);
        !fits)
      return place(
          {Code::syntax, "cannot import " + quoted(specifier) + ": " + fits.error().detail});
    if (!(*target)->module.IsEmpty()) continue;
    THEMIS_CHECK(compile(context, **target));
    compiled.push_back(*target);
  }
  return {};
}

Result<v8::Local<v8::Module>> Modules::link(v8::Local<v8::Context> context,
                                            const std::string& name) {
  Entry* first = find(name);
  if (first == nullptr) return fail(Code::syntax, "the bundle has no module " + quoted(name));
  if (first->module.IsEmpty()) {
    THEMIS_CHECK(compile(context, *first));
    std::vector<Entry*> compiled{first};
    for (size_t i = 0; i < compiled.size();
         ++i) {  // each module once: compile_imports adds fresh ones
      if (compiled[i]->source.kind != ModuleKind::es) continue;
      const Status found = compile_imports(context, *compiled[i], compiled);
      if (found) continue;
      for (Entry* entry : compiled) entry->module.Reset();  // half a graph is none
      return fail(found.error());
    }
    for (Entry* entry : compiled)
      if (entry->source.kind == ModuleKind::es) entry->source.content = {};
  }
  const v8::Local<v8::Module> module = first->module.Get(isolate_);
  v8::TryCatch caught(isolate_);
  if (!module->InstantiateModule(context, resolve).FromMaybe(false)) {
    if (caught.HasTerminated()) return fail(Code::cancelled, "");  // the turn says why
    return fail(syntax_error(context, caught));
  }
  return module;
}

v8::MaybeLocal<v8::Module> Modules::resolve(v8::Local<v8::Context>, v8::Local<v8::String> specifier,
                                            v8::Local<v8::FixedArray>,
                                            v8::Local<v8::Module> referrer) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const std::string from = to_utf8(isolate, referrer->GetResourceName().As<v8::String>());
  const Result<Entry*> target =
      of(isolate).target_of(from, to_utf8(isolate, specifier, kErrorDetailMax));
  if (target && !(*target)->module.IsEmpty()) return (*target)->module.Get(isolate);
  throw_error(target ? Error{Code::syntax, "a module that was not compiled"} : target.error());
  return {};
}

void Modules::describe(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                       v8::Local<v8::Object> meta) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::Local<v8::Value> name = module->GetResourceName();
  if (!name->IsString()) return;
  const v8::Local<v8::String> url =
      v8::String::Concat(isolate, literal(isolate, "file:///"), name.As<v8::String>());
  (void)meta->CreateDataProperty(context, literal(isolate, "url"), url).IsNothing();
}

/// Compiling costs the call's CPU time, as does running.
v8::MaybeLocal<v8::Promise> Modules::import(v8::Local<v8::Context> context, v8::Local<v8::Data>,
                                            v8::Local<v8::Value> from,
                                            v8::Local<v8::String> specifier,
                                            v8::Local<v8::FixedArray> attributes) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  Modules& self = of(isolate);
  v8::Local<v8::Promise::Resolver> promise;
  if (!v8::Promise::Resolver::New(context).ToLocal(&promise)) return {};
  const auto reject = [&](v8::Local<v8::Value> why) {
    (void)promise->Reject(context, why).IsNothing();
    return promise->GetPromise();
  };
  const std::string referrer = from->IsString() ? to_utf8(isolate, from.As<v8::String>()) : "";
  const Result<Entry*> target =
      self.target_of(referrer, to_utf8(isolate, specifier, kErrorDetailMax));
  if (!target) return reject(exception_of(target.error()));
  const Status fits = check_attributes(attributes, (*target)->source.kind, kDynamicStride);
  if (!fits) return reject(exception_of(fits.error()));
  const Result<v8::Local<v8::Module>> module = self.link(context, (*target)->source.name);
  if (isolate->IsExecutionTerminating()) return {};
  if (!module) return reject(v8::Exception::SyntaxError(text(isolate, module.error().detail)));
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> outcome;
  if (!(*module)->Evaluate(context).ToLocal(&outcome)) {
    if (caught.HasTerminated()) return caught.ReThrow(), v8::MaybeLocal<v8::Promise>();
    return reject(caught.Exception());
  }
  const auto answer = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    info.GetReturnValue().Set(info.Data());
  };
  v8::Local<v8::Function> then;
  if (!v8::Function::New(context, answer, (*module)->GetModuleNamespace()).ToLocal(&then))
    return {};
  return outcome.As<v8::Promise>()->Then(context, then);
}

v8::MaybeLocal<v8::Value> Modules::evaluate_synthetic(v8::Local<v8::Context> context,
                                                      v8::Local<v8::Module> module) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  Modules& self = of(isolate);
  Entry* entry = self.find(to_utf8(isolate, module->GetResourceName().As<v8::String>()));
  v8::Local<v8::Value> value;
  if (entry == nullptr || !self.value_of(context, *entry).ToLocal(&value) ||
      module->SetSyntheticModuleExport(isolate, literal(isolate, "default"), value).IsNothing())
    return {};
  v8::Local<v8::Promise::Resolver> done;
  if (!v8::Promise::Resolver::New(context).ToLocal(&done) ||
      done->Resolve(context, v8::Undefined(isolate)).IsNothing())
    return {};
  return done->GetPromise();
}

v8::MaybeLocal<v8::Value> Modules::value_of(v8::Local<v8::Context> context, Entry& entry) {
  if (entry.source.kind == ModuleKind::commonjs) return run_commonjs(context, entry);
  if (!entry.value.IsEmpty()) return entry.value.Get(isolate_);
  v8::Local<v8::Value> value;
  if (!read_value(context, entry).ToLocal(&value)) return {};
  entry.value.Reset(isolate_, value);
  entry.source.content = {};
  return value;
}

v8::MaybeLocal<v8::Value> Modules::read_value(v8::Local<v8::Context> context, const Entry& entry) {
  const std::string& name = entry.source.name;
  if (entry.source.kind == ModuleKind::data) {
    if (!entry.source.content.empty() && !buffers_.take(entry.source.content.size())) {
      throw_range_error(isolate_, name + ": no room for its bytes");
      return {};
    }
    if (entry.source.content.empty()) return v8::ArrayBuffer::New(isolate_, 0);
    return body_value(isolate_, buffers_, entry.source.content).As<v8::Uint8Array>()->Buffer();
  }
  v8::TryCatch caught(isolate_);
  std::string why;
  if (entry.source.kind == ModuleKind::wasm) {
    const auto module = WorkerImpl::of(isolate_).compile_wasm(entry.source.content);
    if (module) return *module;
    why = module.error().detail;
  } else if (!is_utf8(entry.source.content)) {
    why = "not UTF-8";
  } else {
    v8::Local<v8::String> content;
    v8::Local<v8::Value> value;
    if (from_utf8(isolate_, as_text(entry.source.content)).ToLocal(&content)) {
      if (entry.source.kind == ModuleKind::text) return content;
      if (v8::JSON::Parse(context, content).ToLocal(&value)) return value;
    }
  }
  if (caught.HasTerminated()) return caught.ReThrow(), v8::MaybeLocal<v8::Value>();
  if (caught.HasCaught()) why = describe_exception(context, caught.Exception());
  caught.Reset();
  throw_error({Code::syntax, name + ": " + why.substr(0, why.find('\n'))});
  caught.ReThrow();
  return {};
}

v8::MaybeLocal<v8::Value> Modules::run_commonjs(v8::Local<v8::Context> context, Entry& entry) {
  const auto exports_name = literal(isolate_, "exports");
  if (entry.state != State::fresh)  // a cycle sees what is there so far
    return entry.commonjs.Get(isolate_)->Get(context, exports_name);
  const v8::Local<v8::String> name = text(isolate_, entry.source.name);
  v8::Local<v8::String> code;
  if (!is_utf8(entry.source.content)) {
    throw_error({Code::syntax, entry.source.name + ": not UTF-8"});
    return {};
  }
  v8::Local<v8::Function> require_function;
  if (!from_utf8(isolate_, as_text(entry.source.content)).ToLocal(&code) ||
      !v8::Function::New(context, require, name).ToLocal(&require_function))
    return {};
  std::array<v8::Local<v8::String>, 3> names{exports_name, literal(isolate_, "require"),
                                             literal(isolate_, "module")};
  v8::ScriptCompiler::Source unit(code, v8::ScriptOrigin(name));
  v8::Local<v8::Function> body;
  if (!v8::ScriptCompiler::CompileFunction(context, &unit, names.size(), names.data())
           .ToLocal(&body))
    return {};
  const v8::Local<v8::Object> module = v8::Object::New(isolate_);
  const v8::Local<v8::Object> exports = v8::Object::New(isolate_);
  if (!module->Set(context, exports_name, exports).FromMaybe(false)) return {};
  entry.commonjs.Reset(isolate_, module);
  entry.state = State::running;
  std::array<v8::Local<v8::Value>, 3> arguments{exports, require_function, module};
  if (body->Call(context, exports, static_cast<int>(arguments.size()), arguments.data())
          .IsEmpty()) {
    entry.state = State::fresh;  // who asks again runs it again, as in Node.js
    return {};
  }
  entry.state = State::done;
  entry.source.content = {};
  return module->Get(context, exports_name);
}

/// The namespace of an ES module. One that is being evaluated shows what it has so far.
v8::MaybeLocal<v8::Value> Modules::require_es(v8::Local<v8::Context> context, Entry& entry) {
  const Result<v8::Local<v8::Module>> module = link(context, entry.source.name);
  if (isolate_->IsExecutionTerminating()) return {};
  if (!module) return throw_error(module.error()), v8::MaybeLocal<v8::Value>();
  if ((*module)->IsGraphAsync()) {
    throw_error({Code::invalid, "cannot require " + quoted(entry.source.name) +
                                    ": it has a top-level await; import it"});
    return {};
  }
  v8::Local<v8::Value> outcome;
  if ((*module)->GetStatus() == v8::Module::kInstantiated &&
      !(*module)->Evaluate(context).ToLocal(&outcome))
    return {};
  if ((*module)->GetStatus() == v8::Module::kErrored) {
    if (!outcome.IsEmpty()) outcome.As<v8::Promise>()->MarkAsHandled();
    return isolate_->ThrowException((*module)->GetException());
  }
  return (*module)->GetModuleNamespace();
}

void Modules::require(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[0]->IsString())
    return throw_error({Code::invalid, "require takes the name of a module"});
  Modules& self = of(isolate);
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const Result<Entry*> target =
      self.target_of(to_utf8(isolate, info.Data().As<v8::String>()),
                     to_utf8(isolate, info[0].As<v8::String>(), kErrorDetailMax));
  if (!target) return throw_error({Code::invalid, target.error().detail});
  Entry& entry = **target;
  v8::Local<v8::Value> value;
  const auto found = entry.source.kind == ModuleKind::es ? self.require_es(context, entry)
                                                         : self.value_of(context, entry);
  if (found.ToLocal(&value)) info.GetReturnValue().Set(value);
}

}  // namespace themis::js
