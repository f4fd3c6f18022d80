// The enclave tests' main: the library is started as every program of the project starts it.

#include <gtest/gtest.h>

#include "runtime/crypto/crypto.hpp"

int main(int argc, char** argv) {
  themis::crypto::init();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
