// The enclave tests' main: the library is started as every program of the project starts it.

#include <gtest/gtest.h>
#include <malloc.h>

#include "runtime/crypto/crypto.hpp"

int main(int argc, char** argv) {
  // Worlds of a megabyte are made and dropped a million times: what they had is not given back.
  constexpr int kKeptBytes = 64 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  ::mallopt(M_MMAP_THRESHOLD, kKeptBytes / 2);
  themis::crypto::init();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
