#include "runtime/js/isolate.hpp"

#include <algorithm>
#include <array>

#include "runtime/js/natives.hpp"
#include "runtime/js/snapshot.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

/// What V8 gives every context after the snapshot, and a function must not have: text as code,
/// shared memory (which makes precise clocks), callbacks of the collector (which would run outside
/// of any call, on nobody's CPU time). Text as code and shared memory are for WorkerImpl to allow
/// again.
void harden(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  context->AllowCodeGenerationFromStrings(false);
  for (const auto name : {literal(isolate, "SharedArrayBuffer"), literal(isolate, "Atomics"),
                          literal(isolate, "FinalizationRegistry")})
    context->Global()->Delete(context, name).Check();
}

v8::Local<v8::Value> global_of(v8::Local<v8::Context> context, const char* name) {
  const auto key = text(v8::Isolate::GetCurrent(), name);
  return context->Global()->Get(context, key).ToLocalChecked();
}

/// Takes V8's WebAssembly, whose memories would escape the limits, and puts ours in its place.
v8::Local<v8::Object> take_web_assembly(v8::Local<v8::Context> context) {
  const auto name = literal(v8::Isolate::GetCurrent(), "WebAssembly");
  const v8::Local<v8::Object> global = context->Global();
  const v8::Local<v8::Value> raw = global->Get(context, name).ToLocalChecked();
  if (!raw->IsObject()) return {};
  global->Delete(context, name).Check();
  global->SetLazyDataProperty(context, name, WorkerImpl::open_web_assembly, {}, v8::DontEnum)
      .Check();
  return raw.As<v8::Object>();
}

}  // namespace

IsolateBox::IsolateBox()
    : heap_bytes_max_(Limits{}.heap_bytes),
      buffers_(Limits{}.buffer_bytes),
      isolate_(v8::Isolate::Allocate()) {
  platform()->RegisterIsolate(isolate_, &delegate_);
}

IsolateBox::IsolateBox(const v8::StartupData* snapshot, size_t heap_bytes)
    : heap_bytes_max_(heap_bytes),
      buffers_(Limits{}.buffer_bytes),
      isolate_(v8::Isolate::Allocate()) {
  platform()->RegisterIsolate(isolate_, &delegate_);
  v8::Isolate::CreateParams params;
  params.snapshot_blob = snapshot;
  params.external_references = external_references();
  params.array_buffer_allocator = &buffers_;
  params.allow_atomics_wait = false;
  params.constraints.ConfigureDefaultsFromHeapSize(0, heap_bytes);
  params.constraints.set_max_young_generation_size_in_bytes(
      std::min(kYoungGenerationBytesMax, heap_bytes / kYoungGenerationPart));
  v8::Isolate::Initialize(isolate_, params);
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->AddNearHeapLimitCallback(on_near_heap_limit, this);
}

IsolateBox::~IsolateBox() {
  delegate_.tasks().close();
  platform()->DisposeIsolate(isolate_);
}

size_t IsolateBox::used_bytes() const {
  v8::HeapStatistics figures;
  isolate_->GetHeapStatistics(&figures);
  return figures.used_heap_size();
}

void IsolateBox::exceed() {
  heap_exceeded_ = true;
  isolate_->TerminateExecution();
}

size_t IsolateBox::on_near_heap_limit(void* data, size_t current, size_t) {
  auto* box = static_cast<IsolateBox*>(data);
  const bool slack_granted = box->limit_before_slack_ != 0;
  if (!slack_granted) box->limit_before_slack_ = current;
  // A refused ArrayBuffer brings V8 here with an empty heap, and so does one large allocation: the
  // next check tells them apart.
  if (box->used_bytes() >= box->limit_before_slack_ / 4 * 3)
    box->exceed();
  else if (!slack_granted)
    box->isolate_->RequestInterrupt(
        [](v8::Isolate*, void* self) { static_cast<IsolateBox*>(self)->check_heap(); }, box);
  return slack_granted ? current : current + kHeapSlackBytes;  // once: past it V8 ends the process
}

void IsolateBox::look_at_memories() {
  if (!buffers_.is_over()) return;
  isolate_->RequestInterrupt(
      [](v8::Isolate*, void* self) { static_cast<IsolateBox*>(self)->check_heap(); }, this);
}

void IsolateBox::check_heap() {
  if (heap_exceeded_) return;
  if (buffers_.is_over()) isolate_->LowMemoryNotification();  // some may be garbage
  if (used_bytes() > heap_bytes_max_ || buffers_.is_over()) return exceed();
  if (limit_before_slack_ == 0) return;
  isolate_->RemoveNearHeapLimitCallback(on_near_heap_limit, limit_before_slack_);
  isolate_->AddNearHeapLimitCallback(on_near_heap_limit, this);
  limit_before_slack_ = 0;
}

PreparedIsolate::PreparedIsolate(const v8::StartupData* snapshot, size_t heap_bytes)
    : box(snapshot, heap_bytes) {
  v8::Isolate* isolate = box.get();
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> made = v8::Context::New(isolate);
  shared_array_buffer.Reset(isolate, global_of(made, "SharedArrayBuffer"));
  atomics.Reset(isolate, global_of(made, "Atomics"));
  harden(made);
  web_assembly.Reset(isolate, take_web_assembly(made));
  context.Reset(isolate, made);
  const std::array entries{&dispatch,       &on_rejection,      &configure, &listeners,
                           &dispatch_event, &open_web_assembly, &make_wasi, &on_gone,
                           &open_actor,     &dispatch_remote};
  static_assert(std::tuple_size_v<decltype(entries)> == std::size(kEntries));
  for (size_t i = 0; i < entries.size(); ++i)
    entries[i]->Reset(isolate, made->GetDataFromSnapshotOnce<v8::Function>(i).ToLocalChecked());
}

}  // namespace themis::js
