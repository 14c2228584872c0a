"""The device over the wire, on loopback only: adbd, emulator console and the emulator's gRPC services."""
