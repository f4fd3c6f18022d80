#pragma once
// The application of password authentication: salted Argon2id digests and failed tries per user.

#include "enclave/applications/key_value.hpp"

namespace themis::monitor {

/// The caller computes the digest (crypto::argon2id) and what is kept is its BLAKE2b-256: the host,
/// which reads every record, learns nothing from it that logs in. Digests of calls are compared in
/// constant time. The host reads calls too: an instance for passwords runs none without a client
/// (MonitorOptions), or whoever has seen a digest in a call could use it again.
struct Credential {
  static constexpr size_t kBytesMax = 16 + 32 + 1;
  std::array<std::byte, 16> salt{};
  std::array<std::byte, 32> digest{};  ///< Of a call: of the password. Of a record: of the digest.
  uint8_t failures = 0;                ///< In a row.
  friend bool operator==(const Credential&, const Credential&) = default;

  std::byte* encode(std::byte* to) const {
    return put(put(put(to, ByteView(salt)), ByteView(digest)), failures);
  }
  static Credential decode(Reader& reader) {
    Credential read;
    if (const ByteView bytes = reader.bytes(kBytesMax - 1); !bytes.empty()) {
      std::memcpy(read.salt.data(), bytes.data(), read.salt.size());
      std::memcpy(read.digest.data(), bytes.data() + read.salt.size(), read.digest.size());
    }
    read.failures = reader.integer<uint8_t>();
    return read;
  }
};

struct Passwords : EncodedCalls {
  using Key = Blob<64>;
  using Value = Credential;
  using Result = Answer<Blob<16>>;  ///< Whether the digest was right; the salt where asked for.
  enum Function : uint8_t {
    enrol = 1,     ///< next: done when the user is new.
    salt,          ///< The salt to compute the digest with; done when the user is known.
    authenticate,  ///< digest: done when it is right and the user not locked.
    change,        ///< digest, next: as authenticate, then replaces.
    unlock,        ///< Forgets the failed tries.
  };
  /// Guesses in a row before the user is locked; a person mistypes less often.
  static constexpr uint8_t kFailuresMax = 10;
  struct Arguments {
    std::array<std::byte, 32> digest{};
    Credential next;  ///< Its failures are 0.
  };

  static size_t arity(uint8_t function) { return function >= enrol && function <= unlock ? 1 : 0; }
  static bool only_reads(uint8_t function) { return function == salt; }
  static Arguments decode(uint8_t function, Reader& reader) {
    Arguments arguments;
    if (function == authenticate || function == change)
      if (const ByteView bytes = reader.bytes(arguments.digest.size()); !bytes.empty())
        std::memcpy(arguments.digest.data(), bytes.data(), bytes.size());
    if (function == enrol || function == change) arguments.next = Credential::decode(reader);
    if (arguments.next.failures != 0) reader.refuse();
    return arguments;
  }
  static std::byte* encode(uint8_t function, const Arguments& arguments, std::byte* to) {
    if (function == authenticate || function == change) to = put(to, ByteView(arguments.digest));
    return function == enrol || function == change ? arguments.next.encode(to) : to;
  }
  static bool run(uint8_t function, const Arguments& arguments,
                  std::span<Record<Passwords>> records, Result& result) {
    std::optional<Credential>& user = records[0].value;
    result = {user.has_value() != (function == enrol), std::nullopt};
    if (!result.done) return true;
    if (function == enrol) {
      user = kept(arguments.next);
    } else if (function == salt) {
      result.value = Blob<16>::from(user->salt);
    } else if (function == unlock) {
      user->failures = 0;
    } else {
      result.done = user->failures < kFailuresMax &&
                    crypto::equal(user->digest, crypto::blake2b(arguments.digest));
      if (!result.done && user->failures < kFailuresMax) ++user->failures;
      if (result.done) user->failures = 0;
      if (result.done && function == change) user = kept(arguments.next);
    }
    return true;
  }

 private:
  static Credential kept(Credential given) {
    given.digest = crypto::blake2b(given.digest);
    return given;
  }
};

}  // namespace themis::monitor
