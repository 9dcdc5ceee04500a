import "blazen";
