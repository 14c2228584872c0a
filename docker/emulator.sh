#!/usr/bin/env bash
# Boots the virtual device, then runs the command given, and ends the device with it.
#
# Whether the host can accelerate is found out by booting with a deadline, never by looking at /dev/kvm or cpuinfo: a
# nested host may offer a device that opens, makes a virtual machine and then hangs. What was found is printed as one
# JSON line, {"kind": "emulator", "accel": "kvm" or "none", "boot_s": 41}.
#
# Environment variables:
#   VLGYM_AVD          name of the virtual device (default: vlgym)
#   VLGYM_ACCEL        kvm, none, or auto: kvm where it boots (default: auto)
#   VLGYM_BOOT_S       seconds an accelerated boot may take (default: 180)
#   VLGYM_SLOW_BOOT_S  seconds a boot without acceleration may take (default: 1200)
set -euo pipefail
avd=${VLGYM_AVD:-vlgym}
accel=${VLGYM_ACCEL:-auto}
log=${TMPDIR:-/tmp}/emulator.log
emulator_pid=

say() { printf 'emulator: %s\n' "$*" >&2; }

end_device() {
    [ -n "$emulator_pid" ] || return 0
    kill "$emulator_pid" 2>/dev/null || true
    wait "$emulator_pid" 2>/dev/null || true
    emulator_pid=
}
trap end_device EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# boot MODE SECONDS: true if the device has booted in time.
boot() {
    local start=$SECONDS
    emulator -avd "$avd" -accel "$1" -no-window -no-audio -no-boot-anim -no-snapshot -gpu swiftshader_indirect \
        -memory 2048 -grpc 8554 >"$log" 2>&1 &
    emulator_pid=$!
    while [ $((SECONDS - start)) -lt "$2" ]; do
        if [ "$(timeout 10 adb shell getprop sys.boot_completed 2>/dev/null | tr -d '\r')" = 1 ]; then
            printf '{"kind": "emulator", "accel": "%s", "boot_s": %d}\n' "$3" "$((SECONDS - start))"
            return 0
        fi
        if ! kill -0 "$emulator_pid" 2>/dev/null; then
            say "the emulator ended: $(tail -n 1 "$log")"
            break
        fi
        sleep 1
    done
    end_device
    return 1
}

if [ "$accel" != none ] && boot on "${VLGYM_BOOT_S:-180}" kvm; then
    :
elif [ "$accel" = kvm ]; then
    say "no accelerated boot in ${VLGYM_BOOT_S:-180} s; give the container --device /dev/kvm, or set VLGYM_ACCEL=none."
    exit 1
else
    [ "$accel" = none ] || say "no accelerated boot in ${VLGYM_BOOT_S:-180} s; trying without, which is much slower."
    if ! boot off "${VLGYM_SLOW_BOOT_S:-1200}" none; then
        say "the device did not boot in ${VLGYM_SLOW_BOOT_S:-1200} s either; the emulator's log is $log."
        exit 1
    fi
fi
for setting in window_animation_scale transition_animation_scale animator_duration_scale; do
    adb shell settings put global "$setting" 0 || say "could not set $setting"
done
"$@" &
command_pid=$!
trap 'kill -TERM "$command_pid" 2>/dev/null; wait "$command_pid"; exit 143' TERM
status=0
wait "$command_pid" || status=$?
exit "$status"
