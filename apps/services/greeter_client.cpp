// Calls the greeter from another process: through the mesh, by its name.
#include <themis/node.hpp>

#include <iostream>

#include "greeter.capnp.h"

int main(int argc, char** argv) {
  themis::Node node(argc, argv);
  themis::Out<greeter::Hello> hello;
  hello->setName("mesh");
  const auto answer = node.call<greeter::Greeting>("greeter", hello);
  if (!answer) {
    std::cerr << "greeter_client: " << answer.error().text() << '\n';
    return 1;
  }
  std::cout << answer->view()->getText().cStr() << '\n';
}
