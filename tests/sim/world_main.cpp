// The simulated world's tests log nothing and need the crypto library ready.
#include <gtest/gtest.h>

#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  themis::log::setup(themis::log::Level::off, themis::log::Format::text);
  themis::crypto::init();
  return RUN_ALL_TESTS();
}
