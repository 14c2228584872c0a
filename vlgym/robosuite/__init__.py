"""robosuite's tasks as Gymnasium environments: a peer of the native arm, not what to train on."""
