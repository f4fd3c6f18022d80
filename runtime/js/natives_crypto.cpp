// crypto.subtle, over runtime/crypto. What cannot be done is answered with undefined; the prelude
// knows which error that is.
#include <algorithm>

#include "runtime/crypto/secret_bytes.hpp"
#include "runtime/crypto/web_algorithms.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using crypto::WebKey;

std::string word(const Info& info, int index) {
  return info[index]->IsString() ? to_latin1(info.GetIsolate(), info[index].As<v8::String>())
                                 : std::string();
}
ByteView bytes(const Info& info, int index) { return bytes_of(info[index]); }
uint32_t number(const Info& info, int index) {
  return info[index]->IsUint32() ? info[index].As<v8::Uint32>()->Value() : 0;
}
const WebKey* key(const Info& info, int index) {
  return WorkerImpl::of(info.GetIsolate()).keys().of(info[index]);
}

v8::MaybeLocal<v8::ArrayBuffer> to_buffer(v8::Isolate* isolate, ByteView view) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, view.size()).ToLocal(&buffer)) {
    throw_range_error(isolate, "Array buffer allocation failed");
    return {};
  }
  if (!view.empty()) std::memcpy(buffer->Data(), view.data(), view.size());
  return buffer;
}
void give(const Info& info, ByteView view) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (to_buffer(info.GetIsolate(), view).ToLocal(&buffer)) info.GetReturnValue().Set(buffer);
}
void give(const Info& info, const Result<Bytes>& result) {
  if (result) give(info, ByteView(*result));
}
void give(const Info& info, const Result<crypto::WipedBytes>& result) {
  if (result) give(info, result->view());
}
void give(const Info& info, Result<WebKey> made) {
  if (!made) return;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Object> object;
  if (WorkerImpl::of(isolate)
          .keys()
          .add(isolate, std::make_unique<WebKey>(std::move(*made)))
          .ToLocal(&object))
    return info.GetReturnValue().Set(object);
  throw_range_error(isolate, "too many keys");
}

/// cryptoDigest(hash, bytes)
void digest(const Info& info) { give(info, crypto::web_digest(word(info, 0), bytes(info, 1))); }

/// cryptoSecret(bytes): a key
void secret(const Info& info) { give(info, Result<WebKey>(WebKey::secret(bytes(info, 0)))); }

/// cryptoSecretBytes(key)
void secret_bytes(const Info& info) {
  if (const WebKey* from = key(info, 0)) give(info, from->secret_bytes());
}

/// cryptoGenerate(kind, bits, exponent): a key
void generate(const Info& info) {
  const WorkerImpl& worker = WorkerImpl::of(info.GetIsolate());
  give(info, WebKey::generate(word(info, 0), static_cast<int>(number(info, 1) & 0xFFFF),
                              bytes(info, 2), [&] { return !worker.is_out_of_time(); }));
}

/// cryptoImport(format, kind, bytes): a key
void import_key(const Info& info) {
  const std::string format = word(info, 0);
  const std::string kind = word(info, 1);
  if (format == "spki") return give(info, WebKey::from_spki(kind, bytes(info, 2)));
  if (format == "pkcs8") return give(info, WebKey::from_pkcs8(kind, bytes(info, 2)));
  give(info, WebKey::from_point(kind, bytes(info, 2)));
}

/// cryptoExport(format, key)
void export_key(const Info& info) {
  const std::string format = word(info, 0);
  const WebKey* from = key(info, 1);
  if (from == nullptr) return;
  if (format == "spki") return give(info, from->to_spki());
  if (format == "pkcs8") return give(info, from->to_pkcs8());
  give(info, from->to_point());
}

/// cryptoFromNumbers(kind, numbers): a key
void from_numbers(const Info& info) {
  const auto list = info[1].As<v8::Array>();
  std::vector<ByteView> numbers;
  for (uint32_t i = 0; i < std::min<uint32_t>(list->Length(), crypto::kKeyNumbersMax); ++i) {
    v8::Local<v8::Value> item;
    if (!list->Get(info.GetIsolate()->GetCurrentContext(), i).ToLocal(&item)) return;
    numbers.push_back(bytes_of(item));
  }
  give(info, WebKey::from_numbers(word(info, 0), numbers));
}

/// cryptoNumbers(kind, key, privateToo): an array of ArrayBuffers
void to_numbers(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const WebKey* from = key(info, 1);
  if (from == nullptr) return;
  const auto numbers = from->to_numbers(word(info, 0), info[2]->IsTrue());
  if (!numbers) return;
  std::vector<v8::Local<v8::Value>> list;
  for (const crypto::WipedBytes& one : *numbers) {
    v8::Local<v8::ArrayBuffer> buffer;
    if (!to_buffer(isolate, one.view()).ToLocal(&buffer)) return;
    list.push_back(buffer);
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, list.data(), list.size()));
}

/// cryptoPublic(key): a key
void public_half(const Info& info) {
  if (const WebKey* from = key(info, 0)) give(info, from->public_half());
}

/// cryptoBits(key)
void key_bits(const Info& info) {
  if (const WebKey* from = key(info, 0)) info.GetReturnValue().Set(from->bits());
}

/// cryptoAes(mode, encrypt, key, iv, aad, tagBytes or counterBits, data)
void aes(const Info& info) {
  const std::string mode = word(info, 0);
  const WebKey* with = key(info, 2);
  if (with == nullptr) return;
  give(info, crypto::web_aes({.mode = mode,
                              .encrypt = info[1]->IsTrue(),
                              .iv = bytes(info, 3),
                              .aad = bytes(info, 4),
                              .tag_bytes = number(info, 5),
                              .counter_bits = number(info, 5)},
                             with->secret_bytes(), bytes(info, 6)));
}

/// cryptoHmac(hash, key, data)
void hmac(const Info& info) {
  if (const WebKey* with = key(info, 1))
    give(info, crypto::web_hmac(word(info, 0), with->secret_bytes(), bytes(info, 2)));
}

/// cryptoEqual(a, b): in constant time
void equal(const Info& info) {
  info.GetReturnValue().Set(crypto::equal(bytes(info, 0), bytes(info, 1)));
}

/// cryptoSign(scheme, hash, saltBytes, key, data)
void sign(const Info& info) {
  const std::string scheme = word(info, 0);
  const std::string hash = word(info, 1);
  if (const WebKey* with = key(info, 3))
    give(info, crypto::web_sign({scheme, hash, static_cast<int>(number(info, 2) & 0xFFFF)}, *with,
                                bytes(info, 4)));
}

/// cryptoVerify(scheme, hash, saltBytes, key, signature, data): a boolean
void verify(const Info& info) {
  const std::string scheme = word(info, 0);
  const std::string hash = word(info, 1);
  if (const WebKey* with = key(info, 3))
    info.GetReturnValue().Set(
        crypto::web_verify({scheme, hash, static_cast<int>(number(info, 2) & 0xFFFF)}, *with,
                           bytes(info, 4), bytes(info, 5)));
}

/// cryptoOaep(encrypt, hash, key, label, data)
void oaep(const Info& info) {
  const std::string hash = word(info, 1);
  if (const WebKey* with = key(info, 2))
    give(info, crypto::web_oaep({info[0]->IsTrue(), hash, bytes(info, 3)}, *with, bytes(info, 4)));
}

/// cryptoAgree(privateKey, publicKey)
void agree(const Info& info) {
  const WebKey* ours = key(info, 0);
  const WebKey* theirs = key(info, 1);
  if (ours != nullptr && theirs != nullptr) give(info, crypto::web_agree(*ours, *theirs));
}

/// A quick round of PBKDF2 on machines of today: more rounds than the CPU limit of a function
/// has time for are refused, as nothing ends them early.
constexpr Duration kPbkdf2Round = 200ns;

/// cryptoDerive(hash, key, salt, info or undefined, iterations, bytes): HKDF when there is info,
/// else PBKDF2
void derive(const Info& info) {
  const std::string hash = word(info, 0);
  const WebKey* from = key(info, 1);
  if (from == nullptr) return;
  const crypto::DeriveCall call{.hash = hash,
                                .salt = bytes(info, 2),
                                .info = bytes(info, 3),
                                .iterations = number(info, 4),
                                .bytes = number(info, 5)};
  const Duration limit = WorkerImpl::of(info.GetIsolate()).limits().cpu;
  if (info[3]->IsUndefined() && call.iterations > static_cast<uint64_t>(limit / kPbkdf2Round))
    return give(info, Result<Bytes>(fail(Code::invalid, "more rounds than the CPU limit allows")));
  give(info, info[3]->IsUndefined() ? crypto::web_pbkdf2(call, from->secret_bytes())
                                    : crypto::web_hkdf(call, from->secret_bytes()));
}

constexpr Native kNatives[] = {{"cryptoDigest", digest},
                               {"cryptoSecret", secret},
                               {"cryptoSecretBytes", secret_bytes},
                               {"cryptoGenerate", generate},
                               {"cryptoImport", import_key},
                               {"cryptoExport", export_key},
                               {"cryptoFromNumbers", from_numbers},
                               {"cryptoNumbers", to_numbers},
                               {"cryptoPublic", public_half},
                               {"cryptoBits", key_bits},
                               {"cryptoAes", aes},
                               {"cryptoHmac", hmac},
                               {"cryptoEqual", equal},
                               {"cryptoSign", sign},
                               {"cryptoVerify", verify},
                               {"cryptoOaep", oaep},
                               {"cryptoAgree", agree},
                               {"cryptoDerive", derive}};

}  // namespace

std::span<const Native> crypto_natives() { return kNatives; }

}  // namespace themis::js
