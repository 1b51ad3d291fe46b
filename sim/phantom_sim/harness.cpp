// The design (Verilated as Vtop) behind a C interface: the processor's register accesses, the DDR behind the HP ports, time.
//
// Every function that lets time pass returns a status: >= 0 is an AXI response (0 OKAY, 2 SLVERR, 3 DECERR), -1 a design that
// did not answer within `timeout` cycles, -2 a failed assertion or a protocol error (phantom_error() says which; the
// instance is dead from then on). phantom_poll adds 1: the register still reads as "waiting" after `limit` cycles.
#include "Vtop.h"
#include "axi_memory.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif
#include <memory>

// $fatal, $error and $stop end in these; an exception keeps the process that hosts the model alive.
void vl_fatal(const char *file, int line, const char *, const char *message) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + message);
}
void vl_stop(const char *file, int line, const char *hier) { vl_fatal(file, line, hier, "assertion failed or $stop reached"); }

namespace {

enum Status { kTimeout = -1, kDead = -2, kWaiting = 1 };

#define PHANTOM_ADDRESS(P) {&top.P##valid, &top.P##ready, &top.P##addr, &top.P##len, &top.P##size, &top.P##burst}
#define PHANTOM_READ(P) \
  phantom::ReadPorts { PHANTOM_ADDRESS(P##_ar), &top.P##_rvalid, &top.P##_rready, &top.P##_rlast, &top.P##_rresp, &top.P##_rdata }

class Harness {
 public:
  VerilatedContext context;
  Vtop top{&context};
  phantom::Arena arena;
  phantom::Timing timing;
  unsigned timeout = 10000, gap = 0;
  uint64_t cycle = 0;
  bool deaf = false;  // register accesses do not reach the design
  std::string error;
  phantom::MemoryPort hp0{"hp0", PHANTOM_READ(m_axi_hp0)};
  phantom::MemoryPort hp1{"hp1", PHANTOM_READ(m_axi_hp1)};
  phantom::MemoryPort hp2{"hp2", PHANTOM_READ(m_axi_hp2)};
  phantom::MemoryPort hp3{"hp3", phantom::WritePorts{
      PHANTOM_ADDRESS(m_axi_hp3_aw), &top.m_axi_hp3_wvalid, &top.m_axi_hp3_wready, &top.m_axi_hp3_wlast, &top.m_axi_hp3_wstrb,
      &top.m_axi_hp3_wdata, &top.m_axi_hp3_bvalid, &top.m_axi_hp3_bready, &top.m_axi_hp3_bresp}};
  phantom::MemoryPort *const ports[4] = {&hp0, &hp1, &hp2, &hp3};
#if VM_TRACE_FST
  std::unique_ptr<VerilatedFstC> trace;
#endif

  // Registers and memories start from noise, as nothing in the design may depend on what they hold at power-up.
  explicit Harness(unsigned seed) {
    context.randReset(2);
    context.randSeed(int(seed));
  }

  ~Harness() {
#if VM_TRACE_FST
    if (trace) trace->close();
#endif
    top.final();
  }

  void reset(unsigned cycles) {
    top.rst_ni = 0;
    top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_arvalid = 0;
    top.s_axil_bready = top.s_axil_rready = 1;
    top.s_axil_awprot = top.s_axil_arprot = 0;
    for (auto *port : ports) port->reset();
    for (unsigned i = 0; i < cycles; ++i) edge();
    top.rst_ni = 1;
  }

  void step() {
    drive();
    edge([this] { sample(); });
  }
  void step(uint64_t n) {
    while (n--) step();
  }

  int read(uint32_t address, uint32_t &data) {
    if (deaf) return unheard();
    top.s_axil_araddr = address;
    top.s_axil_arvalid = 1;
    for (unsigned i = 0; i < timeout; ++i) {
      const auto [accepted, answered] = handshake([this] {
        return std::pair{top.s_axil_arvalid && top.s_axil_arready, bool(top.s_axil_rvalid)};
      }, [&] { data = top.s_axil_rdata; resp_ = top.s_axil_rresp; });
      if (accepted) top.s_axil_arvalid = 0;
      if (answered) return settle();
    }
    top.s_axil_arvalid = 0;
    return kTimeout;
  }

  int write(uint32_t address, uint32_t data) {
    if (deaf) return unheard();
    top.s_axil_awaddr = address;
    top.s_axil_wdata = data;
    top.s_axil_wstrb = 0xF;
    top.s_axil_awvalid = top.s_axil_wvalid = 1;
    for (unsigned i = 0; i < timeout; ++i) {
      bool data_taken = false;
      const auto [accepted, answered] = handshake([&] {
        data_taken = top.s_axil_wvalid && top.s_axil_wready;
        return std::pair{top.s_axil_awvalid && top.s_axil_awready, bool(top.s_axil_bvalid)};
      }, [&] { resp_ = top.s_axil_bresp; });
      if (accepted) top.s_axil_awvalid = 0;
      if (data_taken) top.s_axil_wvalid = 0;
      if (answered) return settle();
    }
    top.s_axil_awvalid = top.s_axil_wvalid = 0;
    return kTimeout;
  }

  // Reads a status register every `interval` cycles until (data & mask) != waiting.
  int poll(uint32_t address, uint32_t mask, uint32_t waiting, uint64_t limit, unsigned interval, uint32_t &data) {
    for (const uint64_t end = cycle + limit;; step(interval)) {
      const int status = read(address, data);
      if (status != 0 || (data & mask) != waiting) return status;
      if (cycle >= end) return kWaiting;
    }
  }

 private:
  int resp_ = 0;

  void drive() {
    for (auto *port : ports) port->drive(cycle, timing, arena);
  }
  void sample() {
    for (auto *port : ports) port->sample(cycle, timing, arena);
  }

  template <class Look>
  void edge(Look look) {
    top.clk_i = 0;
    top.eval();
    dump(0);
    look();
    top.clk_i = 1;
    top.eval();
    dump(1);
    ++cycle;
  }
  void edge() { edge([] {}); }

  // One cycle of a register access: `look` samples {address accepted, response valid} before the edge, `take` the response.
  template <class Look, class Take>
  std::pair<bool, bool> handshake(Look look, Take take) {
    std::pair<bool, bool> seen;
    drive();
    edge([&] {
      sample();
      seen = look();
      if (seen.second) take();
    });
    return seen;
  }

  int unheard() {
    step(timeout);
    return kTimeout;
  }

  // The time that the processor and its interconnect take between two accesses.
  int settle() {
    const int response = resp_;
    step(gap);
    return response;
  }

  void dump([[maybe_unused]] unsigned half) {
#if VM_TRACE_FST
    if (trace) trace->dump(cycle * 2 + half);
#endif
  }
};

// Runs `body` on a live instance; an exception kills the instance and is kept for phantom_error().
template <class Body>
int guarded(Harness *h, Body body) {
  if (!h->error.empty()) return kDead;
  try {
    return body();
  } catch (const std::exception &e) {
    h->error = e.what();
    return kDead;
  }
}

}  // namespace

extern "C" {

Harness *phantom_create(uint8_t *bytes, uint64_t base, uint64_t size, unsigned seed) {
  auto *h = new Harness(seed);
  h->arena.bytes = bytes, h->arena.base = base, h->arena.size = size;
  return h;
}
void phantom_destroy(Harness *h) { delete h; }
const char *phantom_error(Harness *h) { return h->error.c_str(); }

void phantom_timing(Harness *h, unsigned latency, double bytes_per_cycle, unsigned outstanding, unsigned gap, unsigned timeout) {
  h->timing = {latency, bytes_per_cycle, outstanding};
  h->gap = gap, h->timeout = timeout;
}
void phantom_inject_error(Harness *h, uint64_t lo, uint64_t hi, int response) {
  h->arena.bad_lo = lo, h->arena.bad_hi = hi, h->arena.bad_response = response;
}
// Ports in the order of phantom_beats; 4 is the register port, which goes deaf at once.
void phantom_inject_stop(Harness *h, unsigned channel, uint64_t beats) {
  if (channel < 4) h->ports[channel]->stop(beats);
  if (channel == 4) h->deaf = beats != phantom::MemoryPort::kNever;
}

int phantom_reset(Harness *h, unsigned cycles) {
  return guarded(h, [=] { h->reset(cycles); return 0; });
}
int phantom_step(Harness *h, uint64_t n) {
  return guarded(h, [=] { h->step(n); return 0; });
}
int phantom_read(Harness *h, uint32_t address, uint32_t *data) {
  return guarded(h, [=] { return h->read(address, *data); });
}
int phantom_write(Harness *h, uint32_t address, uint32_t data) {
  return guarded(h, [=] { return h->write(address, data); });
}
int phantom_poll(Harness *h, uint32_t address, uint32_t mask, uint32_t waiting, uint64_t limit, unsigned interval, uint32_t *data) {
  return guarded(h, [=] { return h->poll(address, mask, waiting, limit, interval, *data); });
}

uint64_t phantom_cycles(Harness *h) { return h->cycle; }
void phantom_beats(Harness *h, uint64_t out[4]) {
  for (unsigned port = 0; port < 4; ++port) out[port] = h->ports[port]->beats();
}
int phantom_trace([[maybe_unused]] Harness *h, [[maybe_unused]] const char *path) {
#if VM_TRACE_FST
  h->context.traceEverOn(true);
  h->trace = std::make_unique<VerilatedFstC>();
  h->top.trace(h->trace.get(), 99);
  h->trace->open(path);
  return 0;
#else
  return kDead;
#endif
}

}  // extern "C"
