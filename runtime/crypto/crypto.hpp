#pragma once
// Start of the cryptographic libraries. This folder is the only one that includes libsodium's and
// OpenSSL's headers.

namespace themis::crypto {

/// Prepares libsodium (picks the implementations for this CPU). Called by every main() and test
/// main before any other function of this folder; calling it again is harmless. Stops the process
/// when the library cannot start: nothing here could be trusted then. Any thread.
void init();

}  // namespace themis::crypto
