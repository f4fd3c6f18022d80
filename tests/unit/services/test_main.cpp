#include <gtest/gtest.h>

#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

int main(int argc, char** argv) {
  themis::log::setup(themis::log::Level::error, themis::log::Format::text);
  themis::crypto::init();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
