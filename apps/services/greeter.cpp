// A typed service: say hello, count how often.
#include <themis/node.hpp>

#include <iostream>

#include "greeter.capnp.h"

class Greeter : public themis::Service {
 public:
  themis::Reply<greeter::Greeting> hello(themis::In<greeter::Hello> in) {
    themis::Out<greeter::Greeting> out;
    out->setText(kj::str("Hello, ", in.view()->getName(), "!"));
    out->setCount(++count_);
    co_return out;
  }

 private:
  uint64_t count_ = 0;
};

int main(int argc, char** argv) {
  themis::Node node(argc, argv);
  const themis::Status served = node.serve<Greeter, &Greeter::hello>("greeter");
  if (!served) std::cerr << "greeter: " << served.error().text() << '\n';
  return served ? node.run() : 1;
}
