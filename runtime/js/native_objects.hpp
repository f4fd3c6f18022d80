#pragma once
// C++ objects that belong to objects of JavaScript, and are freed after them. Internal: shows V8.

#include <v8.h>

#include <memory>
#include <unordered_map>

namespace themis::js {

/// The objects of one kind of one worker; all are freed with it at the latest. Engine thread. The
/// prelude keeps them in private fields: a function never has one in its hands.
template <class T>
class NativeObjects {
 public:
  /// `objects_max`: no other limit counts their memory.
  explicit NativeObjects(size_t objects_max) : objects_max_(objects_max) {}

  /// The object of JavaScript that stands for `owned`; empty when there are too many, even after
  /// the heap was collected.
  v8::MaybeLocal<v8::Object> add(v8::Isolate* isolate, std::unique_ptr<T> owned) {
    if (entries_.size() >= objects_max_) isolate->LowMemoryNotification();
    if (entries_.size() >= objects_max_) return {};
    if (template_.IsEmpty()) {
      const v8::Local<v8::ObjectTemplate> made = v8::ObjectTemplate::New(isolate);
      made->SetInternalFieldCount(1);
      template_.Reset(isolate, made);
    }
    v8::Local<v8::Object> object;
    if (!template_.Get(isolate)->NewInstance(isolate->GetCurrentContext()).ToLocal(&object))
      return {};
    auto entry = std::make_unique<Entry>(Entry{this, std::move(owned), {}});
    entry->object.Reset(isolate, object);
    entry->object.SetWeak(
        entry.get(),
        [](const v8::WeakCallbackInfo<Entry>& info) {
          info.GetParameter()->owner->entries_.erase(info.GetParameter());
        },
        v8::WeakCallbackType::kParameter);
    object->SetAlignedPointerInInternalField(0, entry.get(), kTag);
    Entry* const key = entry.get();
    entries_.emplace(key, std::move(entry));
    return object;
  }
  /// Frees the C++ object behind `value` now.
  void drop(v8::Local<v8::Value> value) {
    if (of(value) != nullptr) entries_.erase(entry_of(value));
  }
  /// Null for a value that is none of these.
  T* of(v8::Local<v8::Value> value) const {
    if (!value->IsObject() || value.As<v8::Object>()->InternalFieldCount() != 1) return nullptr;
    const auto found = entries_.find(entry_of(value));
    return found == entries_.end() ? nullptr : found->second->owned.get();
  }

 private:
  static constexpr v8::EmbedderDataTypeTag kTag = 1;
  struct Entry {
    NativeObjects* owner;
    std::unique_ptr<T> owned;
    v8::Global<v8::Object> object;
  };
  static Entry* entry_of(v8::Local<v8::Value> value) {
    return static_cast<Entry*>(value.As<v8::Object>()->GetAlignedPointerFromInternalField(0, kTag));
  }
  const size_t objects_max_;
  v8::Global<v8::ObjectTemplate> template_;
  std::unordered_map<Entry*, std::unique_ptr<Entry>> entries_;
};

}  // namespace themis::js
