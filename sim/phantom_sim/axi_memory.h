// Memory behind one HP port: a model of the DDR controller as the programmable logic sees it.
//
// Contract: AXI slave without IDs, 64 bit, in order. At most `outstanding` bursts are accepted per direction before their
// answers; the first beat of a read burst comes `latency` cycles after its address, the response of a write burst as long after
// its last beat. A port is read or written, as the design has it, and its bandwidth is a token bucket of `bytes_per_cycle`. The
// bucket holds one burst at most, so that an idle port cannot save up.
//
// A beat outside the arena answers DECERR, one that touches the injected range the injected response; neither reads or writes
// memory. A channel (reads or writes of a port) can be told to stop: after so many more data beats it neither takes bursts nor moves
// data nor answers, until it is told to go on.
// What the AXI3 ports of the device would not stand for (more than 16 beats, a burst over a 4 KB boundary, another size than 8
// bytes, another type than INCR, WLAST in the wrong place, a request that changes while it waits) throws ProtocolError.
#pragma once
#include <cstdint>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>

namespace phantom {

struct ProtocolError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The host's buffer arena, seen by the device at [base, base + size).
struct Arena {
  uint8_t *bytes = nullptr;
  uint64_t base = 0, size = 0;
  uint64_t bad_lo = 0, bad_hi = 0;
  int bad_response = 2;  // SLVERR

  int response(uint64_t address) const {
    if (address < bad_hi && address + 8 > bad_lo) return bad_response;
    if (address < base || address - base + 8 > size) return 3;                      // DECERR
    return 0;
  }
  uint8_t *at(uint64_t address) const { return bytes + (address - base); }
};

struct Timing {
  unsigned latency = 30;         // cycles from the address to the first beat
  double bytes_per_cycle = 8.0;  // of a port
  unsigned outstanding = 8;      // bursts per direction
};

struct Burst {
  uint64_t address, ready_at;
  unsigned beats;
  int response;
};

// Pointers to the ports of the design: one address channel.
struct AddressPorts {
  uint8_t *valid, *ready;
  uint32_t *address;
  uint8_t *len, *size, *burst;
};
struct ReadPorts {
  AddressPorts ar;
  uint8_t *valid, *ready, *last, *resp;
  uint64_t *data;
};
struct WritePorts {
  AddressPorts aw;
  uint8_t *valid, *ready, *last, *strb;
  uint64_t *data;
  uint8_t *b_valid, *b_ready, *b_resp;
};

// Accepts bursts on an address channel and checks that the device's port would take them.
class AddressChannel {
 public:
  AddressChannel() = default;
  AddressChannel(const AddressPorts &ports, const char *name) : p(ports), name_(name) {}

  void drive(size_t room_used, const Timing &t) { *p.ready = room_used < t.outstanding; }

  // Samples the channel before the clock edge; true if a burst was handed over.
  bool sample(uint64_t now, const Timing &t, Burst &out) {
    const uint64_t request = uint64_t(*p.address) << 8 | *p.len;
    if (waiting_ && (!*p.valid || request != request_)) fail("changed a request that was not yet accepted");
    waiting_ = *p.valid && !*p.ready;
    request_ = request;
    if (!*p.valid || !*p.ready) return false;
    const unsigned beats = *p.len + 1;
    if (beats > 16) fail("has more than 16 beats");
    if (*p.size != 3) fail("does not move 8 bytes a beat");
    if (*p.burst != 1) fail("is not of type INCR");
    if (*p.address % 8) fail("is not aligned to 8 bytes");
    if ((*p.address & 0xFFF) + beats * 8 > 0x1000) fail("crosses a 4 KB boundary");
    out = Burst{*p.address, now + t.latency, beats, 0};
    return true;
  }
  void reset() { waiting_ = false; *p.ready = 0; }

 private:
  [[noreturn]] void fail(const char *what) {
    char at[48];
    snprintf(at, sizeof at, " (address 0x%08X, len %u)", *p.address, *p.len);
    throw ProtocolError(std::string(name_) + ": burst " + what + at);
  }
  AddressPorts p{};
  const char *name_ = "";
  bool waiting_ = false;
  uint64_t request_ = 0;
};

class MemoryPort {
 public:
  MemoryPort(const char *name, const ReadPorts &read) : r(read), address_(read.ar, name), writes_to_(false) {}
  MemoryPort(const char *name, const WritePorts &write) : w(write), address_(write.aw, name), writes_to_(true) {}

  static constexpr uint64_t kNever = ~uint64_t{0};

  uint64_t beats() const { return beats_; }

  // The port stops for good after `beats` more data beats; kNever lets it go on.
  void stop(uint64_t beats) { last_beat_ = beats == kNever ? kNever : beats_ + beats; }

  void reset() {
    bursts_.clear(), responses_.clear();
    tokens_ = 0;
    held_ = false;
    address_.reset();
    if (writes_to_) *w.ready = 0, *w.b_valid = 0;
    else *r.valid = 0;
  }

  // Sets the inputs of the design for this cycle.
  void drive(uint64_t now, const Timing &t, const Arena &mem) {
    if (tokens_ < 128) tokens_ += t.bytes_per_cycle;
    const bool goes = beats_ + (held_ && !writes_to_) < last_beat_;
    address_.drive(goes ? bursts_.size() + responses_.size() : t.outstanding, t);
    const bool may = goes && !bursts_.empty() && tokens_ >= 8;
    if (!writes_to_) {
      if (may && !held_ && now >= bursts_.front().ready_at) present(mem);
      *r.valid = held_;
      return;
    }
    *w.ready = may;
    *w.b_valid = (goes || held_) && !responses_.empty() && now >= responses_.front().ready_at;
    if (*w.b_valid) *w.b_resp = responses_.front().response;
  }

  // Looks at the handshakes just before the clock edge.
  void sample(uint64_t now, const Timing &t, const Arena &mem) {
    Burst burst{};
    if (!writes_to_) {
      if (*r.valid && *r.ready) {
        ++beats_;
        held_ = false;
        if (*r.last) bursts_.pop_front();
      }
    } else {
      if (*w.b_valid && *w.b_ready) responses_.pop_front();
      held_ = *w.b_valid && !*w.b_ready;
      if (*w.valid && *w.ready) store(now, t, mem);
    }
    if (address_.sample(now, t, burst)) bursts_.push_back(burst);
  }

 private:
  void present(const Arena &mem) {
    Burst &b = bursts_.front();
    *r.resp = mem.response(b.address);
    *r.data = 0;
    if (*r.resp == 0) memcpy(r.data, mem.at(b.address), 8);
    *r.last = --b.beats == 0;
    b.address += 8;
    held_ = true;
    tokens_ -= 8;
  }

  void store(uint64_t now, const Timing &t, const Arena &mem) {
    Burst &b = bursts_.front();
    ++beats_;
    tokens_ -= 8;
    const int response = mem.response(b.address);
    if (response > b.response) b.response = response;
    if (response == 0)
      for (int i = 0; i < 8; ++i)
        if (*w.strb >> i & 1) mem.at(b.address)[i] = uint8_t(*w.data >> (8 * i));
    b.address += 8;
    if ((--b.beats == 0) != bool(*w.last)) throw ProtocolError("write burst: WLAST is not on the last beat");
    if (b.beats == 0) {
      responses_.push_back(Burst{b.address, now + t.latency, 0, b.response});
      bursts_.pop_front();
    }
  }

  ReadPorts r{};
  WritePorts w{};
  AddressChannel address_;
  bool writes_to_, held_ = false;  // held_: a beat stands on R, an answer on B
  double tokens_ = 0;
  uint64_t beats_ = 0, last_beat_ = kNever;  // so far, and after which the port stops
  std::deque<Burst> bursts_, responses_;
};

}  // namespace phantom
