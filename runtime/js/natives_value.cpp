// What kind of object a value is (for console), and structured clone.
#include <cstdlib>
#include <memory>
#include <vector>

#include "runtime/js/cloned_bytes.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

/// kindOf(object): looks at the object itself; runs no JavaScript, not even a proxy's traps.
void kind_of(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Value> value = info[0];
  const auto kind = [&]() -> v8::Local<v8::String> {
    if (value->IsProxy()) return literal(isolate, "proxy");
    if (value->IsNativeError()) return literal(isolate, "error");
    if (value->IsArray()) return literal(isolate, "array");
    if (value->IsFunction()) return literal(isolate, "function");
    if (value->IsMap()) return literal(isolate, "map");
    if (value->IsSet()) return literal(isolate, "set");
    if (value->IsPromise()) return literal(isolate, "promise");
    if (value->IsDate()) return literal(isolate, "date");
    if (value->IsRegExp()) return literal(isolate, "regexp");
    if (value->IsTypedArray()) return literal(isolate, "typedarray");
    if (value->IsArrayBuffer()) return literal(isolate, "arraybuffer");
    return literal(isolate, "object");
  };
  info.GetReturnValue().Set(kind());
}

/// The mark of a prototype whose objects structured clone must not take for plain ones.
v8::Local<v8::Private> platform_mark(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, literal(isolate, "themis.platform"));
}
/// The mark of an exception that the serializer made.
v8::Local<v8::Private> refusal_mark(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, literal(isolate, "themis.refusal"));
}

/// markPlatform(prototype)
void mark_platform(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info[0]
      .As<v8::Object>()
      ->SetPrivate(isolate->GetCurrentContext(), platform_mark(isolate), v8::True(isolate))
      .Check();
}

bool has_mark(v8::Isolate* isolate, v8::Local<v8::Object> object, v8::Local<v8::Private> mark) {
  return object->HasPrivate(isolate->GetCurrentContext(), mark).FromMaybe(false);
}

/// isCloneRefusal(error): it says that a value cannot be cloned
void is_clone_refusal(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(info[0]->IsObject() && !info[0]->IsProxy() &&
                            has_mark(isolate, info[0].As<v8::Object>(), refusal_mark(isolate)));
}

/// Longest chain of prototypes that is looked at for the mark; the platform's own have four.
constexpr int kPrototypesMax = 16;

/// Writes objects of the platform by asking JavaScript what becomes of each: `on_object` answers
/// anything but undefined, `revive` turns that into the copy. Both are in this isolate.
class CloneDelegate final : public v8::ValueSerializer::Delegate,
                            public v8::ValueDeserializer::Delegate {
 public:
  /// The copy in between is outside of the heap and its limit.
  static constexpr size_t kBytesMax = 32u << 20;

  CloneDelegate(v8::Isolate* isolate, v8::Local<v8::Function> on_object,
                v8::Local<v8::Function> revive)
      : isolate_(isolate), on_object_(on_object), revive_(revive) {}
  void* ReallocateBufferMemory(void* old, size_t size, size_t* actual) override {
    *actual = size;
    return size > kBytesMax ? nullptr : std::realloc(old, size);
  }
  void FreeBufferMemory(void* buffer) override { std::free(buffer); }
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    const v8::Local<v8::Value> error = v8::Exception::Error(message);
    error.As<v8::Object>()
        ->SetPrivate(isolate_->GetCurrentContext(), refusal_mark(isolate_), v8::True(isolate_))
        .Check();
    isolate_->ThrowException(error);
  }
  bool HasCustomHostObject(v8::Isolate*) override { return true; }
  v8::Maybe<bool> IsHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    const v8::Local<v8::Private> mark = platform_mark(isolate);
    v8::Local<v8::Value> at = object;
    for (int i = 0; i < kPrototypesMax && at->IsObject() && !at->IsProxy(); ++i) {
      if (has_mark(isolate, at.As<v8::Object>(), mark)) return v8::Just(true);
      at = at.As<v8::Object>()->GetPrototypeV2();
    }
    return v8::Just(false);
  }
  v8::Maybe<bool> WriteHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    v8::Local<v8::Value> argument = object;
    v8::Local<v8::Value> copy;
    if (!on_object_->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), 1, &argument)
             .ToLocal(&copy))
      return v8::Nothing<bool>();
    serializer_->WriteUint32(static_cast<uint32_t>(copies_.size()));
    copies_.emplace_back(isolate, copy);
    return v8::Just(true);
  }
  /// Makes the copies, between writing and reading: V8 allows no JavaScript while it reads.
  bool revive_all() {
    for (v8::Global<v8::Value>& copy : copies_) {
      v8::Local<v8::Value> argument = copy.Get(isolate_);
      v8::Local<v8::Value> made;
      if (!revive_->Call(isolate_->GetCurrentContext(), v8::Undefined(isolate_), 1, &argument)
               .ToLocal(&made) ||
          !made->IsObject())
        return false;
      copy.Reset(isolate_, made);
    }
    return true;
  }
  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate*) override {
    uint32_t index = 0;
    if (!deserializer_->ReadUint32(&index) || index >= copies_.size()) return {};
    return copies_[index].Get(isolate_).As<v8::Object>();
  }
  void serves(v8::ValueSerializer* serializer) { serializer_ = serializer; }
  void serves(v8::ValueDeserializer* deserializer) { deserializer_ = deserializer; }

 private:
  v8::Isolate* isolate_;
  v8::Local<v8::Function> on_object_;
  v8::Local<v8::Function> revive_;
  std::vector<v8::Global<v8::Value>> copies_;  ///< They outlive the serializer's handle scopes.
  v8::ValueSerializer* serializer_ = nullptr;
  v8::ValueDeserializer* deserializer_ = nullptr;
};

struct Freed {
  void operator()(uint8_t* data) const { std::free(data); }  // from ReallocateBufferMemory
};

using Buffers = std::vector<v8::Local<v8::ArrayBuffer>>;

/// Moves the memory of a buffer into a new one and leaves the old one detached.
v8::MaybeLocal<v8::ArrayBuffer> moved(v8::Isolate* isolate, v8::Local<v8::ArrayBuffer> buffer) {
  const std::shared_ptr<v8::BackingStore> memory = buffer->GetBackingStore();
  if (buffer->Detach(v8::Local<v8::Value>()).IsNothing()) return {};
  return v8::ArrayBuffer::New(isolate, memory);
}

/// clone(value, buffers, onObject, revive): a deep copy. `buffers` are moved into it, and left
/// detached, once the value was read. A refusal is an Error that isCloneRefusal knows.
void clone(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  CloneDelegate delegate(isolate, info[2].As<v8::Function>(), info[3].As<v8::Function>());
  v8::ValueSerializer serializer(isolate, &delegate);
  delegate.serves(&serializer);
  const auto list = info[1].As<v8::Array>();
  Buffers buffers;
  for (uint32_t i = 0; i < list->Length(); ++i) {
    v8::Local<v8::Value> item;
    if (!list->Get(context, i).ToLocal(&item)) return;
    buffers.push_back(item.As<v8::ArrayBuffer>());
    if (buffers.back()->WasDetached() || !buffers.back()->IsDetachable())
      return delegate.ThrowDataCloneError(
          literal(isolate, "An ArrayBuffer is detached and could not be cloned."));
    serializer.TransferArrayBuffer(i, buffers.back());
  }
  serializer.WriteHeader();
  if (!serializer.WriteValue(context, info[0]).FromMaybe(false) || !delegate.revive_all()) return;
  const auto [data, size] = serializer.Release();
  const std::unique_ptr<uint8_t, Freed> owned(data);
  v8::ValueDeserializer deserializer(isolate, data, size, &delegate);
  delegate.serves(&deserializer);
  for (uint32_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i]->WasDetached())  // by a getter of the value
      return delegate.ThrowDataCloneError(
          literal(isolate, "An ArrayBuffer is detached and could not be cloned."));
    v8::Local<v8::ArrayBuffer> made;
    if (!moved(isolate, buffers[i]).ToLocal(&made)) return;
    deserializer.TransferArrayBuffer(i, made);
  }
  v8::Local<v8::Value> copy;
  if (deserializer.ReadHeader(context).FromMaybe(false) &&
      deserializer.ReadValue(context).ToLocal(&copy))
    info.GetReturnValue().Set(copy);
}

/// serialize(value): a Uint8Array. What cannot be cloned throws.
void serialize(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::ValueSerializer serializer(isolate);
  serializer.WriteHeader();
  if (!serializer.WriteValue(isolate->GetCurrentContext(), info[0]).FromMaybe(false)) return;
  const auto [data, size] = serializer.Release();
  const std::unique_ptr<uint8_t, Freed> owned(data);
  v8::Local<v8::ArrayBuffer> buffer;
  if (!WorkerImpl::of(isolate).buffers().take(size))
    return throw_range_error(isolate, "no room for the serialized value");
  info.GetReturnValue().Set(body_value(isolate, WorkerImpl::of(isolate).buffers(),
                                       Bytes(reinterpret_cast<const std::byte*>(data),
                                             reinterpret_cast<const std::byte*>(data) + size)));
}

/// deserialize(bytes): the value that serialize() made them of
void deserialize(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const ByteView bytes = bytes_of(info[0]);
  v8::ValueDeserializer deserializer(isolate, reinterpret_cast<const uint8_t*>(bytes.data()),
                                     bytes.size());
  v8::Local<v8::Value> value;
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (deserializer.ReadHeader(context).FromMaybe(false) &&
      deserializer.ReadValue(context).ToLocal(&value))
    info.GetReturnValue().Set(value);
}

/// encodeValue(value, onObject): a Uint8Array for another function, whose process decodeValue()s
/// it. `onObject` is called with an object of the platform, and throws. A refusal is an Error that
/// isCloneRefusal knows.
void encode_value(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto on_object = info[1].As<v8::Function>();
  CloneDelegate delegate(isolate, on_object, on_object);
  v8::ValueSerializer serializer(isolate, &delegate);
  delegate.serves(&serializer);
  serializer.WriteHeader();
  if (!serializer.WriteValue(isolate->GetCurrentContext(), info[0]).FromMaybe(false)) return;
  const auto [data, size] = serializer.Release();
  const std::unique_ptr<uint8_t, Freed> owned(data);
  const ByteView bytes{reinterpret_cast<const std::byte*>(data), size};
  WorkerImpl& worker = WorkerImpl::of(isolate);
  if (const size_t most = worker.limits().response_bytes; size > most)
    return delegate.ThrowDataCloneError(
        text(isolate, "A value of " + std::to_string(size) + " bytes could not be cloned; " +
                          std::to_string(most) + " is the limit between functions."));
  if (const Status checked = check_cloned(bytes); !checked) {
    const bool is_large = checked.error().code == Code::too_large;
    return delegate.ThrowDataCloneError(
        text(isolate, is_large ? checked.error().detail + ", could not be cloned."
                               : "A resizable or shared ArrayBuffer could not be cloned."));
  }
  if (!worker.buffers().take(size)) return throw_range_error(isolate, "no room for the value");
  info.GetReturnValue().Set(
      body_value(isolate, worker.buffers(), Bytes(bytes.begin(), bytes.end())));
}

/// decodeValue(bytes): the value of an encodeValue() elsewhere, or a TypeError: the bytes are those
/// of a process that is not trusted, and V8 reads only what check_cloned() lets through.
void decode_value(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const ByteView bytes = info[0]->IsUint8Array() ? bytes_of(info[0]) : ByteView();
  v8::Local<v8::Value> value;
  {
    const v8::TryCatch caught(isolate);  // V8's own words tell of no remote call
    v8::ValueDeserializer deserializer(isolate, reinterpret_cast<const uint8_t*>(bytes.data()),
                                       bytes.size());
    if (check_cloned(bytes) && deserializer.ReadHeader(context).FromMaybe(false) &&
        deserializer.ReadValue(context).ToLocal(&value))
      return info.GetReturnValue().Set(value);
    if (caught.HasTerminated()) return;
  }
  isolate->ThrowException(v8::Exception::TypeError(
      literal(isolate, "what the other side of a remote call sent is no value")));
}

constexpr Native kNatives[] = {{"serialize", serialize},
                               {"encodeValue", encode_value},
                               {"decodeValue", decode_value},
                               {"deserialize", deserialize},
                               {"kindOf", kind_of},
                               {"clone", clone},
                               {"markPlatform", mark_platform},
                               {"isCloneRefusal", is_clone_refusal}};

}  // namespace

std::span<const Native> value_natives() { return kNatives; }

}  // namespace themis::js
