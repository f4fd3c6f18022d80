// What kind of object a value is (for console), and structured clone.
#include <cstdlib>
#include <memory>

#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"

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

class CloneDelegate final : public v8::ValueSerializer::Delegate {
 public:
  /// The copy in between is outside of the heap and its limit.
  static constexpr size_t kBytesMax = 32u << 20;

  explicit CloneDelegate(v8::Isolate* isolate) : isolate_(isolate) {}
  void* ReallocateBufferMemory(void* old, size_t size, size_t* actual) override {
    *actual = size;
    return size > kBytesMax ? nullptr : std::realloc(old, size);
  }
  void FreeBufferMemory(void* buffer) override { std::free(buffer); }
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    isolate_->ThrowException(v8::Exception::Error(message));
  }

 private:
  v8::Isolate* isolate_;
};

struct Freed {
  void operator()(uint8_t* data) const { std::free(data); }  // from ReallocateBufferMemory
};

/// clone(value): a deep copy; throws an Error that the prelude turns into a DataCloneError
void clone(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  CloneDelegate delegate(isolate);
  v8::ValueSerializer serializer(isolate, &delegate);
  serializer.WriteHeader();
  if (!serializer.WriteValue(context, info[0]).FromMaybe(false)) return;
  const auto [data, size] = serializer.Release();
  const std::unique_ptr<uint8_t, Freed> owned(data);
  v8::ValueDeserializer deserializer(isolate, data, size);
  v8::Local<v8::Value> copy;
  if (deserializer.ReadHeader(context).FromMaybe(false) &&
      deserializer.ReadValue(context).ToLocal(&copy))
    info.GetReturnValue().Set(copy);
}

constexpr Native kNatives[] = {{"kindOf", kind_of}, {"clone", clone}};

}  // namespace

std::span<const Native> value_natives() { return kNatives; }

}  // namespace themis::js
