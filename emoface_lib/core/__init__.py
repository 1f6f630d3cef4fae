"""What every room stands on: settings, landmarks, clips, files, media, training."""
