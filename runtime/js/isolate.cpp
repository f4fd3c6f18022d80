#include "runtime/js/isolate.hpp"

#include "runtime/js/natives.hpp"

namespace themis::js {

IsolateBox::IsolateBox()
    : heap_bytes_max_(Limits{}.heap_bytes),
      buffers_(Limits{}.buffer_bytes),
      isolate_(v8::Isolate::Allocate()) {
  platform()->RegisterIsolate(isolate_, &delegate_);
}

IsolateBox::IsolateBox(const v8::StartupData* snapshot, const Limits& limits)
    : heap_bytes_max_(limits.heap_bytes),
      buffers_(limits.buffer_bytes),
      isolate_(v8::Isolate::Allocate()) {
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

void IsolateBox::check_heap() {
  if (heap_exceeded_) return;
  if (used_bytes() > heap_bytes_max_) return exceed();
  if (limit_before_slack_ == 0) return;
  isolate_->RemoveNearHeapLimitCallback(on_near_heap_limit, limit_before_slack_);
  isolate_->AddNearHeapLimitCallback(on_near_heap_limit, this);
  limit_before_slack_ = 0;
}

}  // namespace themis::js
