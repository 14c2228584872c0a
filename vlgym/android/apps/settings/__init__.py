"""Settings: com.android.settings."""
