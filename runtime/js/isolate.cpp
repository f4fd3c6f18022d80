#include "runtime/js/isolate.hpp"

#include "runtime/js/natives.hpp"

namespace themis::js {

IsolateBox::IsolateBox() : buffers_(Limits{}.buffer_bytes), isolate_(v8::Isolate::Allocate()) {
  platform()->RegisterIsolate(isolate_, &delegate_);
}

IsolateBox::IsolateBox(const v8::StartupData* snapshot, const Limits& limits)
    : buffers_(limits.buffer_bytes), isolate_(v8::Isolate::Allocate()) {
  platform()->RegisterIsolate(isolate_, &delegate_);
  v8::Isolate::CreateParams params;
  params.snapshot_blob = snapshot;
  params.external_references = external_references();
  params.array_buffer_allocator = &buffers_;
  params.allow_atomics_wait = false;
  params.constraints.ConfigureDefaultsFromHeapSize(0, limits.heap_bytes);
  params.constraints.set_max_young_generation_size_in_bytes(kYoungGenerationBytes);
  v8::Isolate::Initialize(isolate_, params);
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->AddNearHeapLimitCallback(on_near_heap_limit, this);
}

IsolateBox::~IsolateBox() {
  delegate_.tasks().close();
  platform()->DisposeIsolate(isolate_);
}

size_t IsolateBox::on_near_heap_limit(void* data, size_t current, size_t) {
  auto* box = static_cast<IsolateBox*>(data);
  box->isolate_->TerminateExecution();
  if (box->heap_exceeded_) return current;  // the slack is used up too: V8 ends the process
  box->heap_exceeded_ = true;
  return current + kHeapSlackBytes;
}

}  // namespace themis::js
