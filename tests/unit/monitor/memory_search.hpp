#pragma once
// Looks for a secret in the memory of a process, freed memory included.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "enclave/seal/sealed_state.hpp"

namespace themis {

/// A key to look for, kept in another form, so that looking for it does not find this.
class Wanted {
 public:
  explicit Wanted(ByteView key) {
    for (size_t i = 0; i < kBytes; ++i) masked_[i] = key[i] ^ kMask;
    // A mapping of its own, so that the search can leave it out.
    void* at = ::mmap(nullptr, kChunk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(at, MAP_FAILED);
    chunk_ = {static_cast<std::byte*>(at), kChunk};
  }
  ~Wanted() { ::munmap(chunk_.data(), kChunk); }
  Wanted(const Wanted&) = delete;
  Wanted& operator=(const Wanted&) = delete;

  /// How often it lies in what this process can write: heap, stacks, globals. Other threads may
  /// run: what they give back meanwhile is passed over.
  size_t copies() const { return copies_in_process("self").value(); }
  /// In a child; nothing where this user may not read it (only root reads one that is confined).
  std::optional<size_t> copies_in_process(const std::string& pid) const {
    const int memory = ::open(("/proc/" + pid + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    if (memory < 0) return std::nullopt;
    std::ifstream maps("/proc/" + pid + "/maps");
    size_t found = 0;
    for (std::string line; std::getline(maps, line);) {
      std::istringstream words(line);
      uintptr_t from = 0, to = 0;
      char dash = 0;
      std::string rights;
      words >> std::hex >> from >> dash >> to >> rights;
      if (!rights.starts_with("rw") || from == reinterpret_cast<uintptr_t>(chunk_.data())) continue;
      for (; from < to; from += kChunk - kBytes + 1) {
        const ssize_t length = ::pread(memory, chunk_.data(), std::min<size_t>(kChunk, to - from),
                                       static_cast<off_t>(from));
        if (length > 0) found += copies_in(ByteView(chunk_).first(static_cast<size_t>(length)));
      }
    }
    ::close(memory);
    return found;
  }

 private:
  static constexpr size_t kBytes = seal::SealingKey::kBytes;
  static constexpr size_t kChunk = size_t{1} << 20;
  static constexpr std::byte kMask{0x5a};

  size_t copies_in(ByteView part) const {
    size_t found = 0;
    for (size_t at = 0; at + kBytes <= part.size(); ++at) {
      size_t same = 0;
      while (same < kBytes && (part[at + same] ^ kMask) == masked_[same]) ++same;
      found += same == kBytes;
    }
    return found;
  }
  std::array<std::byte, kBytes> masked_;
  std::span<std::byte> chunk_;
};

}  // namespace themis
